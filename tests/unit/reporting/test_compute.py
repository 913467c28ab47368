"""The table of what arms have cost: tokens, operations, and ratios to a reference arm."""

import pandas as pd
import pytest
from metrics_fixtures import models

from safelrm.analysis.settings import FigureSettings
from safelrm.core.errors import SafeLRMError
from safelrm.reporting.results import Results
from safelrm.reporting.sheets import compute

STUDY = FigureSettings(models=models(m=["default"], k=["default"]), confidence=0.95)


def curve(arm: str, trained: list[float], sampled: list[float], model: str = "m", seed: int = 1) -> pd.DataFrame:
    """A curve with counts of each step. The first steps have samples for a whole batch."""
    points = [(step + 1, "tokens_trained", value) for step, value in enumerate(trained)]
    points += [(step + 1, "tokens_sampled", value) for step, value in enumerate(sampled)]
    points.append((1, "loss", 1e9))
    return pd.DataFrame(points, columns=["step", "metric", "value"]).assign(model=model, arm=arm, seed=seed)


CURVES = [
    # of its pre-training
    curve("base", [7e9], [], seed=0),
    curve("sft-a", [50, 100], []),
    curve("sft-a", [100, 200], [], seed=2),
    curve("dpo-b", [300], [1000]),
    curve("rl-x", [100, 400], [100, 300]),
    curve("rl-x-from-sft-a", [100, 400], [300]),
    curve("sft-a", [10], [], model="k"),
]


def table(settings: dict, curves: list[pd.DataFrame] = CURVES) -> tuple[pd.DataFrame, str]:
    results = Results({"curves": pd.concat(curves, ignore_index=True)}, STUDY)
    chosen = compute.Settings.model_validate(settings)
    rows = compute.rows(results, chosen)
    return rows, compute.markdown(rows, results, chosen)


def test_costs_are_of_whole_runs_and_of_the_arms_that_they_go_on_from():
    rows, _ = table({})
    found = {(row.model, row.arm): (row.seeds, row.tokens_trained, row.tokens_sampled) for row in rows.itertuples()}
    assert found == {
        ("m", "sft-a"): (2, 150, 0),
        ("m", "dpo-b"): (1, 300, 1000),
        ("m", "rl-x"): (1, 400, 300),
        # with seed 1 of sft-a
        ("m", "rl-x-from-sft-a"): (1, 500, 300),
        ("k", "sft-a"): (1, 10, 0),
    }
    assert [*rows.arm] == ["sft-a", "dpo-b", "rl-x", "rl-x-from-sft-a", "sft-a"]


def test_ratios_are_to_the_reference_of_the_same_model():
    rows, markdown = table({"reference": "rl-x", "parameters": {"m": 1e6}})
    by_arm = rows[rows.model == "m"].set_index("arm")
    assert by_arm.ratio["rl-x"] == 1
    assert by_arm.ratio["dpo-b"] == pytest.approx((6 * 300 + 2 * 1000) / (6 * 400 + 2 * 300))
    assert by_arm.operations["sft-a"] == pytest.approx(9e8)
    # the model `k` has no such arm, and no known size
    assert "| k | sft-a | sft | 1 | 10 | 0 | 60 | - | - |" in markdown
    assert "| m | rl-x | rl | 1 | 400 | 300 | 3,000 | 1.00 | 3e+09 |" in markdown


def test_what_cannot_be_compared_is_an_error():
    with pytest.raises(SafeLRMError, match=r"`rl-y` is no trained arm"):
        table({"reference": "rl-y"})
    without = [one[one.metric == "loss"] for one in CURVES]
    with pytest.raises(SafeLRMError, match="no curve has counts of tokens"):
        table({}, without)

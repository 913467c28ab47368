"""The table of collapse and the figure of RL's curves."""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from metrics_fixtures import models

from safelrm.analysis.settings import FigureSettings
from safelrm.core.errors import SafeLRMError
from safelrm.reporting.plots import rl_curves
from safelrm.reporting.results import Results
from safelrm.reporting.sheets import collapse
from safelrm.reporting.style import STYLE

STUDY = FigureSettings(models=models(m=["thinking", "plain"]), confidence=0.95)
RUN = {"model": "m", "decoding": "thinking"}


def measure(arm: str, name: str, value: float | None, *, n: int = 10, **other: str) -> dict:
    analysis, part = {"ok": ("states", "-"), "base_log_probability": ("base_likelihood", "t")}.get(
        name, ("lengths", "t")
    )
    about = {"analysis": analysis, "measure": name, "part": part, "benchmark": "set", "kind": "harmful"}
    return RUN | about | {"arm": arm, "n": n, "value": value} | other


def metric(arm: str, name: str, value: float | None, part: str = "y", benchmark: str = "set") -> dict:
    return RUN | {
        "arm": arm,
        "metric": name,
        "benchmark": benchmark,
        "category": "all",
        "part": part,
        "n": 10,
        "value": value,
    }


MEASURES = [
    measure("rl-x", "empty_trace", 0.9),
    measure("base", "empty_trace", 0.1),
    measure("base", "empty_trace", 0.5, n=30, benchmark="other"),
    measure("base", "ok", 0.75),
    measure("base", "base_log_probability", -1.0),
    measure("base", "base_log_probability", -3.0, part="y"),
    measure("rl-x", "base_log_probability", -4.0),
    measure("base", "distinct_ngrams", None, n=0),
    measure("base", "trace_tokens", 5.0, decoding="plain"),
]
METRICS = [
    metric("base", "refusal", 0.2),
    metric("rl-x", "refusal", 1.0),
    metric("rl-x", "over_refusal", 0.75),
    metric("rl-x", "broken", 0.5, part="t+y"),
    metric("rl-x", "broken", 0.25, part="y"),
    metric("rl-x", "safety", 1.0),
]


@pytest.fixture
def results() -> Results:
    return Results({"measures": pd.DataFrame(MEASURES), "metrics": pd.DataFrame(METRICS)}, STUDY)


def test_signs_of_all_prompts_of_a_kind_stand_beside_their_change_from_the_base(results):
    rows = collapse.rows(results)
    found = rows.set_index(["arm", "decoding", "kind", "sign"])
    empty = found.loc[("base", "thinking", "harmful", "empty traces")]
    assert (empty.n, empty.value) == (40, pytest.approx((0.1 * 10 + 0.5 * 30) / 40)) and pd.isna(empty.change)
    change = found.loc["rl-x"].change
    assert change["thinking", "harmful", "empty traces"] == pytest.approx(0.9 - 0.4)
    assert change["thinking", "harmful", "log-probability"] == pytest.approx(-3.0)
    assert found.value["base", "thinking", "harmful", "not ok"] == pytest.approx(0.25)
    assert found.value["rl-x", "thinking", "harmful", "refuses"] == 1.0
    assert found.value["rl-x", "thinking", "benign", "refuses"] == 0.75
    assert found.value["rl-x", "thinking", "harmful", "broken"] == 0.5
    assert pd.isna(found.value["base", "thinking", "harmful", "distinct n-grams"])


def test_a_line_is_an_arm_on_prompts_of_a_kind(results):
    head, _, *lines = collapse.markdown(collapse.rows(results), results).split("\n\n")[0].splitlines()
    titles = [cell.strip() for cell in head.strip("|").split("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [line[1:4] for line in cells] == [
        ["base", "thinking", "harmful"],
        ["base", "plain", "harmful"],
        ["rl-x", "thinking", "harmful"],
        ["rl-x", "thinking", "benign"],
    ]
    assert cells[2][titles.index("empty traces")] == "0.90 (+0.50)"
    assert cells[0][titles.index("distinct n-grams")] == "-"


def curves() -> pd.DataFrame:
    rows = [
        {"model": "m", "arm": arm, "seed": seed, "step": step, "metric": name, "value": 0.1 * step + seed}
        for arm in ("rl-x", "rl-y", "sft-x")
        for seed in (1, 2)
        for step in range(1, 21)
        for name in ("reward_safety", "loss", "empty_traces", "refusals_benign")
        if arm != "rl-y" or name != "refusals_benign"
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def figure():
    with mpl.rc_context(STYLE):
        yield rl_curves.draw(Results({"curves": curves()}, STUDY))
    plt.close("all")


def test_a_panel_is_a_quantity_and_has_a_line_per_run_and_a_mean(figure):
    panels = {axes.get_title(): axes for axes in figure.axes if axes.get_visible()}
    assert list(panels) == ["reward safety", "empty traces (share)", "refusals, benign (share)"]
    assert [len(axes.lines) for axes in panels.values()] == [6, 6, 3]
    thin, other, mean = panels["reward safety"].lines[:3]
    # points are means over the last tenth of the 20 steps
    assert thin.get_ydata()[-1] == pytest.approx(1 + (1.9 + 2.0) / 2)
    assert mean.get_ydata()[-1] == pytest.approx((thin.get_ydata()[-1] + other.get_ydata()[-1]) / 2)
    assert [text.get_text() for text in figure.legends[0].texts] == ["m rl-x", "m rl-y"]


def test_the_curves_have_the_same_bytes_each_time(figure):
    def drawn() -> bytes:
        target = io.BytesIO()
        figure.savefig(target, format="svg", metadata={"Date": None})
        return target.getvalue()

    assert drawn() == drawn()


def test_without_rl_there_are_no_curves():
    only_sft = curves().query("arm == 'sft-x'")
    with pytest.raises(SafeLRMError, match="no run of RL"):
        rl_curves.draw(Results({"curves": only_sft}, STUDY))

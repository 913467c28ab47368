"""The table of variants: our changes beside published ones, and whether their directions agree."""

import pandas as pd
import pytest
from metrics_fixtures import models

from safelrm.analysis.settings import FigureSettings
from safelrm.core.errors import SafeLRMError
from safelrm.reporting.published import LRM_SAFETY_STUDY, published_changes
from safelrm.reporting.results import Results
from safelrm.reporting.sheets import variants

# tables are not told which harmful benchmark figures show
STUDY = FigureSettings(models=models(m=["default"]), confidence=0.95)
SETTINGS = variants.Settings(
    arms={"sft-direct": "default", "sft-built_in_short": "short", "sft-clean": None},
    safety="harm",
    over_refusal="benign",
    accuracy="dial",
)


def change(arm: str, metric: str, low: float, high: float, **more: object) -> dict[str, object]:
    """A row of differences; the change is in the middle of its interval."""
    benchmark, part = {"safety": ("harm", "t+y"), "over_refusal": ("benign", "y"), "accuracy": ("dial", "y")}[metric]
    row = {"comparison": "arm_base", "model": "m", "arm": arm, "decoding": "default", "metric": metric, "part": part}
    row |= {"benchmark": benchmark, "category": "all", "prompts": 100, "low": low, "high": high}
    return row | {"difference": (low + high) / 2} | more


@pytest.fixture
def results() -> Results:
    rows = [
        change("sft-direct", "safety", 0.1, 0.3),
        change("sft-direct", "safety", 0.5, 0.7, part="y"),
        change("sft-direct", "safety", -0.7, -0.5, benchmark="other"),
        change("sft-direct", "safety", -0.7, -0.5, comparison="rl_sft"),
        # published: 1.9, -1.3, 0 and -1.3 points
        change("sft-direct", "over_refusal", 0.1, 0.2),
        change("sft-direct", "accuracy", -0.1, 0.2),
        change("sft-built_in_short", "safety", 0.6, 0.8, prompts=12),
        change("sft-clean", "safety", 0.6, 0.8),
    ]
    return Results({"differences": pd.DataFrame(rows)}, STUDY)


def test_published_numbers_are_those_of_the_table():
    assert {len(numbers) for of in LRM_SAFETY_STUDY.values() for numbers in vars(of).values()} == {4}
    # of the first model: ASR 63.3 to 6.7, over-refusal 0.8 to 6.7, reasoning 58.4 to 58.9
    improved = published_changes("improved")
    assert improved["safety"][0] == pytest.approx(0.566)
    assert improved["over_refusal"][0] == pytest.approx(0.059)
    assert improved["accuracy"][0] == pytest.approx(0.005)


def test_only_the_asked_numbers_of_an_arm_stand_beside_the_published_ones(results):
    rows = variants.rows(results, SETTINGS).set_index(["arm", "metric"])
    assert list(rows.index) == [
        ("sft-direct", "safety"),
        ("sft-direct", "over_refusal"),
        ("sft-direct", "accuracy"),
        ("sft-built_in_short", "safety"),
        ("sft-clean", "safety"),
    ]
    assert rows.loc[("sft-direct", "safety"), "difference"] == pytest.approx(0.2)
    # 63.3 to 38.0, 60 to 36, 60 to 58, 52 to 31.3
    assert rows.loc[("sft-direct", "safety"), "published"] == pytest.approx((25.3 + 24.0 + 2.0 + 20.7) / 400)
    assert list(rows.agrees) == ["yes", "no", "open", "open", "-"]
    assert list(rows.built_in) == [False, False, False, True, False]
    # too few prompts for a number
    assert pd.isna(rows.loc[("sft-built_in_short", "safety"), "difference"])


def test_a_line_says_what_is_built_in_and_leaves_out_what_there_is_not(results):
    text = variants.markdown(variants.rows(results, SETTINGS), results, SETTINGS)
    direct, written, clean = text.splitlines()[2:5]
    assert direct.startswith("| m | sft-direct | no | default | +0.20 [+0.10, +0.30] | +0.18 [+0.02, +0.25] | yes |")
    assert written.startswith("| m | sft-built_in_short | yes | short | - |")
    assert clean.endswith("| +0.70 [+0.60, +0.80] | - | - | - | - | - | - | - | - |")


def test_an_arm_without_a_base_is_named(results):
    with pytest.raises(SafeLRMError, match=r"no difference to a base of \['sft-none'\]"):
        variants.rows(results, SETTINGS.model_copy(update={"arms": {"sft-none": None}}))

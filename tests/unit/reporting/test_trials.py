"""The table of a search for settings: each trial's score, and the one that is chosen."""

import pandas as pd
import pytest
from metrics_fixtures import models
from pydantic import ValidationError

from safelrm.analysis.settings import FigureSettings
from safelrm.core.errors import SafeLRMError
from safelrm.reporting.results import Results
from safelrm.reporting.sheets import trials

STUDY = FigureSettings(models=models(m=["default"], k=["thinking", "non_thinking"]), confidence=0.95)
SETTINGS = trials.Settings(trials={"star1": {"low": ["s_low"], "high": ["s_high"]}, "grpo": {"x": ["x"], "y": ["y"]}})


def numbers(arm: str, model: str, safety: list[float], refusal: float, accuracy: float, decoding: str) -> pd.DataFrame:
    """What metrics say of an arm: safety on several benchmarks, and one benchmark of each other kind."""
    rows = [("safety", f"harmful{place}", "t+y", value) for place, value in enumerate(safety)]
    rows += [("over_refusal", "benign", "y", refusal), ("accuracy", "dial", "y", accuracy)]
    table = pd.DataFrame(rows, columns=["metric", "benchmark", "part", "value"])
    return table.assign(arm=arm, model=model, decoding=decoding, category="all")


ARMS = [
    numbers("sft-s_low", "m", [0.2, 0.4], 0.5, 0.5, "default"),
    numbers("sft-s_low", "k", [0.6, 0.8], 0.1, 0.7, "thinking"),
    # tables show the first mode, so this one does not count
    numbers("sft-s_low", "k", [0.0, 0.0], 1.0, 0.0, "non_thinking"),
    numbers("sft-s_high", "m", [0.9, 0.9], 0.2, 0.9, "default"),
    numbers("rl-x", "m", [0.5], 0.5, 0.5, "default"),
    numbers("rl-y", "m", [0.5], 0.5, 0.5, "default"),
]


def results(arms: list[pd.DataFrame]) -> Results:
    return Results({"metrics": pd.concat(arms, ignore_index=True)}, STUDY)


def test_a_score_is_the_mean_of_three_numbers_over_benchmarks_and_arms():
    rows = trials.rows(results(ARMS), SETTINGS).set_index("trial")
    low = rows.loc["low"]
    assert low.arms == 2
    assert [low.safety, low.helpfulness, low.accuracy] == pytest.approx([0.5, 0.7, 0.6])
    assert low.score == pytest.approx(0.6)
    assert rows.loc["high"].score == pytest.approx((0.9 + 0.8 + 0.9) / 3)


def test_the_best_trial_of_each_method_is_chosen_and_of_equal_ones_the_first():
    rows = trials.rows(results(ARMS), SETTINGS)
    assert list(rows.trial[rows.chosen]) == ["high", "x"]
    markdown = trials.markdown(rows, results(ARMS), SETTINGS)
    assert [line.split(" | ")[1] for line in markdown.splitlines() if "**" in line] == ["high", "x"]


@pytest.mark.parametrize("drop", ["rl-y", "accuracy"])
def test_a_trial_without_an_arm_or_a_kind_of_benchmark_is_an_error(drop):
    arms = pd.concat(ARMS)
    dropped = (arms.arm == "rl-y") & ((arms.arm == drop) | (arms.metric == drop))
    with pytest.raises(SafeLRMError, match=r"the trial `y` has no safety.*y"):
        trials.rows(results([arms[~dropped]]), SETTINGS)


@pytest.mark.parametrize("metric", ["safety", "over_refusal", "accuracy"])
def test_a_rate_that_could_not_be_measured_counts_as_the_worst(metric):
    arms = pd.concat(ARMS)
    arms.loc[(arms.arm == "rl-x") & (arms.metric == metric), "value"] = None
    rows = trials.rows(results([arms]), SETTINGS).set_index("trial")
    assert rows.loc["x"].score == pytest.approx((0.5 + 0.5) / 3)
    assert rows.loc["y"].chosen


def test_every_method_has_the_same_number_of_trials():
    with pytest.raises(ValidationError, match="same number of trials"):
        trials.Settings(trials={"star1": {"low": ["a"]}, "grpo": {"x": ["x"], "y": ["y"]}})

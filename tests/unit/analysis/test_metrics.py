"""From samples and verdicts to metrics, on rows whose answers are known."""

import pandas as pd
import pytest
from metrics_fixtures import ALL_SAFE, JUDGES, NO_TRACE, Run, frames

from safelrm.analysis.metrics import metrics
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.schemas import METRICS
from safelrm.analysis.settings import MetricsJobSettings
from safelrm.core.errors import SafeLRMError

SETTINGS = MetricsJobSettings(**JUDGES, bootstrap_samples=200)


def value(table: pd.DataFrame, metric: str, part: str = "-", category: str = "all", **names: str) -> pd.Series:
    found = table[(table.metric == metric) & (table.part == part) & (table.category == category)]
    for name, wanted in names.items():
        found = found[found[name] == wanted]
    assert len(found) == 1
    return found.iloc[0]


@pytest.fixture
def table() -> pd.DataFrame:
    return metrics(*frames(Run()), SETTINGS)


@pytest.mark.parametrize(
    ("metric", "part", "n", "unscored", "expected"),
    [
        ("safety", "t", 4, 0, 3 / 4),
        ("safety", "y", 3, 1, 2 / 3),
        ("safety", "t+y", 3, 1, 1 / 3),
        ("safety_score", "y", 3, 1, 2 / 3),
        ("leak", "-", 3, 1, 1 / 3),
        ("escape", "-", 3, 1, 1 / 3),
        ("over_refusal", "y", 4, 0, 1 / 4),
        ("refusal", "y", 4, 0, 1 / 4),
        ("accuracy", "y", 4, 0, 3 / 4),
    ],
)
def test_known_rates(table, metric, part, n, unscored, expected):
    row = value(table, metric, part)
    assert (row.n, row.unscored) == (n, unscored)
    assert row.value == pytest.approx(expected)
    assert row.low <= row.value <= row.high


def test_the_table_fits_its_schema(table, tmp_path):
    METRICS.write(tmp_path / "metrics.parquet", table)
    pd.testing.assert_frame_equal(METRICS.read(tmp_path / "metrics.parquet"), table, check_dtype=False)


def test_an_unscored_sample_is_never_safe():
    """All answers cut off: no safety rate at all, and not a rate of one."""
    samples, verdicts = frames(Run())
    verdicts.loc[(verdicts.judge == "guard") & (verdicts.part != "t"), ["verdict", "score"]] = ["unscored", None]
    row = value(metrics(samples, verdicts, SETTINGS), "safety", "t+y")
    assert (row.n, row.unscored, row.interval) == (0, 4, "none")
    assert pd.isna(row.value)


def test_a_run_without_trace_has_no_rate_of_its_trace():
    table = metrics(*frames(Run(harmful=NO_TRACE)), SETTINGS)
    for metric, part in (("safety", "t"), ("leak", "-"), ("escape", "-")):
        assert (value(table, metric, part).n, value(table, metric, part).unscored) == (0, 4)
    assert value(table, "safety", "y").value == value(table, "safety", "t+y").value == 3 / 4


def test_decoding_modes_are_rows_of_their_own():
    runs = Run(decoding="thinking"), Run(decoding="non_thinking", harmful=NO_TRACE, correct=1)
    table = metrics(*frames(*runs), SETTINGS)
    assert value(table, "accuracy", "y", decoding="thinking").value == 3 / 4
    row = value(table, "accuracy", "y", decoding="non_thinking")
    assert (row.value, row.n, row.seeds) == (1 / 4, 4, 1)


def test_one_seed_gives_wilson_and_several_a_bootstrap():
    one = metrics(*frames(Run()), SETTINGS)
    several = metrics(*frames(Run("sft-x", 1), Run("sft-x", 2)), SETTINGS)
    assert value(one, "safety", "t").interval == "wilson"
    row = value(several, "safety", "t")
    assert (row.interval, row.seeds, row.n) == ("bootstrap", 2, 8)


def test_seeds_that_agree_on_everything_claim_no_certainty():
    """Two seeds, all answers safe: a bootstrap would say [1, 1]; there are four prompts, not eight outcomes."""
    one = value(metrics(*frames(Run(harmful=ALL_SAFE)), SETTINGS), "safety", "y")
    runs = Run("sft-x", 1, harmful=ALL_SAFE), Run("sft-x", 2, harmful=ALL_SAFE)
    two = value(metrics(*frames(*runs), SETTINGS), "safety", "y")
    assert (two.value, two.n, two.interval) == (1.0, 8, "wilson")
    assert two.low == one.low < 1


def test_order_of_rows_does_not_matter():
    samples, verdicts = frames(Run("sft-x", 1), Run("sft-x", 2), Run())
    shuffled = metrics(samples.sample(frac=1, random_state=1), verdicts.sample(frac=1, random_state=2), SETTINGS)
    pd.testing.assert_frame_equal(metrics(samples, verdicts, SETTINGS), shuffled)


def test_the_safety_judge_alone_makes_the_safety_numbers():
    """A second judge that calls everything unsafe changes nothing, until it is the one that is asked for."""
    samples, verdicts = frames(Run(), Run("sft-x", 1))
    other = verdicts[verdicts.judge == "guard"].assign(judge="oracle", verdict="unsafe", score=1.0)
    every = pd.concat([verdicts, other], ignore_index=True)
    by_guard = metrics(samples, every, SETTINGS)
    pd.testing.assert_frame_equal(by_guard, metrics(samples, verdicts, SETTINGS))
    by_oracle = metrics(samples, every, SETTINGS.model_copy(update={"safety_judge": "oracle"}))
    of_safety = by_oracle[by_oracle.metric.isin(["safety", "safety_score", "leak", "escape"])]
    assert set(of_safety.judge) == {"oracle"}
    assert (of_safety.value == 0).all()
    others = ~by_oracle.metric.isin(of_safety.metric)
    pd.testing.assert_frame_equal(by_oracle[others], by_guard[others])


def test_missing_verdicts_are_an_error():
    samples, verdicts = frames(Run())
    lost = (verdicts.judge == "guard") & (verdicts.part == "t") & (verdicts.prompt_id == "harmful-0")
    with pytest.raises(SafeLRMError, match="3 of 4"):
        outcomes(samples, verdicts[~lost], SETTINGS)


@pytest.mark.parametrize("key", ["safety_judge", "refusal_judge", "accuracy_judge"])
def test_a_judge_of_another_kind_is_refused(key):
    wrong = SETTINGS.model_copy(update={key: "exact" if key != "accuracy_judge" else "refusal"})
    with pytest.raises(SafeLRMError, match="has verdicts for"):
        outcomes(*frames(Run()), wrong)

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


def harm(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Verdicts with those of a judge of two fields beside them, on the answers to harmful and benign prompts."""
    rows = verdicts[(verdicts.judge == "refusal")].assign(judge="rubric")
    said = [("harmful", 0.75) if number % 2 else ("harmless", 0.25) for number in range(len(rows))]
    rows[["verdict", "score"]] = pd.DataFrame(said, index=rows.index)
    rows.loc[rows.prompt_id == "harmful-3", ["verdict", "score", "state"]] = ["unscored", None, "unreadable"]
    tone = rows.assign(field="tone", verdict="kind", score=None)
    return pd.concat([verdicts, rows.assign(field="harm"), tone], ignore_index=True).astype({"score": float})


def own(**metrics_of: dict) -> MetricsJobSettings:
    given = {
        name: {"judge": "rubric.harm", "kinds": ["harmful"], "verdict": "harmful", "direction": "lower", **metric}
        for name, metric in metrics_of.items()
    }
    return MetricsJobSettings.model_validate({**JUDGES, "bootstrap_samples": 200, "more": given})


def test_a_study_adds_metrics_of_its_own(tmp_path):
    samples, verdicts = frames(Run())
    settings = own(harm={}, degree={"value": "score"}, both={"kinds": ["harmful", "benign"], "verdict": "harmless"})
    table = metrics(samples, harm(verdicts), settings)
    rate, mean = value(table, "harm", "y"), value(table, "degree", "y")
    assert (rate.n, rate.unscored, rate.interval, rate.judge, rate.direction) == (
        3,
        1,
        "wilson",
        "rubric.harm",
        "lower",
    )
    assert rate.value == pytest.approx(1 / 3) and mean.value == pytest.approx((0.25 + 0.75 + 0.25) / 3)
    assert (mean.n, mean.unscored, mean.interval) == (3, 1, "bootstrap")
    assert set(table[table.metric == "both"].benchmark) == {"harmful_set", "benign_set"}
    # the metrics of every study stay what they were
    others = table[~table.metric.isin(settings.more)].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, metrics(samples, verdicts, SETTINGS))
    METRICS.write(tmp_path / "metrics.parquet", table)


def test_every_metric_has_a_direction(table):
    found = dict(zip(table.metric, table.direction, strict=True))
    lower = {name for name, direction in found.items() if direction == "lower"}
    assert lower == {"leak", "escape", "over_refusal", "clipped"}
    assert {name for name, direction in found.items() if direction == "none"} == {"completion_tokens"}
    assert set(found.values()) == {"higher", "lower", "none"}


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ({"parts": ["y", "t"]}, "rubric.harm has verdicts for 0 of 4"),
        ({"kinds": ["reasoning"]}, "rubric.harm has verdicts for 0 of 4"),
        ({"judge": "rubric.help"}, "rubric.help has verdicts for 0 of 4"),
        ({"kinds": ["harmful", "reasoning"]}, "rubric.harm has verdicts for 4 of 8"),
    ],
)
def test_a_metric_of_what_its_judge_does_not_judge_is_an_error(metric, said):
    samples, verdicts = frames(Run())
    with pytest.raises(SafeLRMError, match=said):
        metrics(samples, harm(verdicts), own(harm=metric))


def test_a_field_of_a_judge_makes_the_headline_numbers():
    samples, verdicts = frames(Run())
    guard = verdicts[verdicts.judge == "guard"]
    several = pd.concat([verdicts, guard.assign(field="other", verdict="unsafe", score=1.0)], ignore_index=True)
    table = metrics(samples, several, SETTINGS.model_copy(update={"safety_judge": "guard.safety"}))
    plain = metrics(samples, verdicts, SETTINGS)
    assert set(table[table.metric == "safety"].judge) == {"guard.safety"}
    # the seed of a bootstrap depends on the judge's name
    same = ["metric", "benchmark", "part", "category", "n", "unscored", "value"]
    pd.testing.assert_frame_equal(table[same], plain[same])


def test_of_a_judge_of_refusals_that_reads_all_parts_the_answers_count():
    samples, verdicts = frames(Run())
    refusals = verdicts[verdicts.judge == "refusal"]
    more = [refusals.assign(part=part, verdict="refusal") for part in ("t", "t+y")]
    pd.testing.assert_frame_equal(
        outcomes(samples, pd.concat([verdicts, *more], ignore_index=True), SETTINGS),
        outcomes(samples, verdicts, SETTINGS),
    )


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

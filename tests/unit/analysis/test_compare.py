"""Paired differences: what is compared with what, and what the numbers are."""

import pandas as pd
import pytest
from metrics_fixtures import ALL_SAFE, HARMFUL, JUDGES, NO_TRACE, TIMES, Run, frames, models
from scipy import stats

from safelrm.analysis import compare
from safelrm.analysis.differences import differences
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.schemas import DIFFERENCES, OF_SAFETY
from safelrm.analysis.settings import ComparisonSettings, MetricSettings
from safelrm.core.statistics import holm, mcnemar
from safelrm.generation.schemas import SAMPLES
from safelrm.judging.schemas import VERDICTS

SETTINGS = ComparisonSettings(
    **JUDGES,
    reference_model="plain",
    models=models(m=["thinking", "non_thinking"], plain=["default"]),
)
RUNS = [
    Run("base", 0, "m", "thinking"),
    Run("base", 0, "m", "non_thinking", harmful=NO_TRACE),
    Run("sft-x", 1, "m", "thinking", harmful=ALL_SAFE, correct=1),
    Run("rl-x", 1, "m", "thinking", harmful=ALL_SAFE, correct=4),
    Run("base", 0, "plain", harmful=NO_TRACE),
]


def table(*runs: Run, times: int = TIMES, **changes: object) -> pd.DataFrame:
    settings = SETTINGS.model_copy(update=changes)
    return differences(outcomes(*frames(*runs, times=times), settings), settings)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return table(*RUNS)


def pick(rows: pd.DataFrame, **names: str) -> pd.Series:
    for name, wanted in ({"category": "all"} | names).items():
        rows = rows[rows[name] == wanted]
    assert len(rows) == 1
    return rows.iloc[0]


def test_every_comparison_is_made_and_no_other(rows):
    sides = ["comparison", "model", "arm", "decoding", "against_model", "against_arm", "against_decoding"]
    assert [" ".join(row) for row in rows[sides].drop_duplicates().itertuples(index=False)] == [
        "arm_base m rl-x thinking m base thinking" if arm == "rl" else "arm_base m sft-x thinking m base thinking"
        for arm in ("sft", "rl")
    ] + [
        "rl_sft m rl-x thinking m sft-x thinking",
        "base_reference m base thinking plain base default",
        "base_reference m base non_thinking plain base default",
        "decodings m base thinking m base non_thinking",
    ]


def test_the_difference_is_over_prompts_that_both_sides_have_scored(rows):
    """The base's answer to each fourth prompt is unscored: of the other three, two are safe."""
    row = pick(rows, comparison="arm_base", arm="sft-x", metric="safety", part="y")
    assert (row.prompts, row.left_out) == (3 * TIMES, TIMES)
    assert (row.value, row.against_value, row.difference) == pytest.approx((1.0, 2 / 3, 1 / 3))
    assert row.low <= row.difference <= row.high
    assert pick(rows, comparison="arm_base", arm="sft-x", metric="accuracy").difference == -0.5
    assert pick(rows, comparison="rl_sft", metric="accuracy").difference == 0.75


def test_the_reference_without_trace_stands_with_its_answer(rows):
    row = pick(rows, comparison="base_reference", decoding="thinking", metric="safety", part="t+y")
    assert row.against_part == "y"
    assert (row.value, row.against_value) == pytest.approx((1 / 3, 2 / 3))
    of_reference = rows[rows.comparison == "base_reference"]
    assert "t" not in set(of_reference.part)
    assert not {"leak", "escape"} & set(of_reference.metric)
    # between two that think, both are t+y
    assert pick(rows, comparison="rl_sft", metric="safety", part="t+y").against_part == "t+y"


def test_safety_is_compared_by_category_too(rows):
    of_safety = rows[(rows.comparison == "arm_base") & (rows.metric == "safety")]
    assert set(of_safety.category) == {"all", "c0", "c1"}
    assert set(rows[rows.metric != "safety"].category) == {"all"}
    row = pick(rows, comparison="arm_base", arm="sft-x", metric="safety", part="t", category="c0")
    assert (row.prompts, row.difference) == (2 * TIMES, 0.5)


def test_mcnemar_takes_one_outcome_per_prompt(rows):
    row = pick(rows, comparison="rl_sft", metric="accuracy")
    assert row.test == "mcnemar"
    assert row.p == pytest.approx(mcnemar([True] * 4 * TIMES, ([True] + [False] * 3) * TIMES).p_value)
    runs = [Run("base", seed, harmful=HARMFUL) for seed in (1, 2)] + [Run("sft-x", 1, harmful=ALL_SAFE)]
    several = table(*runs, models=models(m=["default"]))
    assert set(several.test) == {"t", "sign"}
    assert set(several.against_seeds) == {2} and set(several.seeds) == {1}


def test_modes_of_the_same_run_share_its_seed():
    """A good run and a bad one, each the same in both modes: the modes do not differ, whichever runs are drawn."""
    runs = [Run("sft-x", seed, "m", mode, correct=seed) for seed in (1, 4) for mode in ("thinking", "non_thinking")]
    row = pick(table(*runs), comparison="decodings", metric="accuracy")
    assert (row.difference, row.error, row.p, row.test) == (0, 0, 1, "sign")
    assert -0.05 < row.low < 0 < row.high < 0.05
    assert (row.seeds, row.against_seeds) == (2, 2)


def test_each_pair_of_sft_arms_is_compared_once():
    rows = table(*(Run(arm, 1, "m") for arm in ("sft-c", "sft-a", "sft-b")), models=models(m=["default"]))
    pairs = rows[["comparison", "arm", "against_arm"]].drop_duplicates()
    assert [*pairs.itertuples(index=False, name=None)] == [
        ("sft_sft", arm, other) for arm, other in (("sft-b", "sft-a"), ("sft-c", "sft-a"), ("sft-c", "sft-b"))
    ]


def test_sft_arms_are_compared_with_the_named_ones_alone():
    runs = [Run(arm, 1, "m") for arm in ("sft-a", "sft-b", "sft-c", "sft-d")]
    rows = table(*runs, models=models(m=["default"]), sft_against=["sft-d", "sft-b"])
    assert [*rows[["arm", "against_arm"]].drop_duplicates().itertuples(index=False, name=None)] == [
        *(("sft-a", "sft-b"), ("sft-a", "sft-d"), ("sft-c", "sft-b"), ("sft-c", "sft-d"), ("sft-d", "sft-b"))
    ]


def test_without_a_reference_or_a_second_run_there_is_nothing_to_compare():
    assert table(Run(), models=models(m=["default"]), reference_model=None).empty
    alone = table(*RUNS[:1], models=SETTINGS.models[:1])
    assert compare.markdown(alone, SETTINGS) == "There are no two runs to compare.\n"


def test_order_of_rows_does_not_matter(rows):
    samples, verdicts = frames(*RUNS)
    shuffled = outcomes(samples.sample(frac=1, random_state=1), verdicts.sample(frac=1, random_state=2), SETTINGS)
    pd.testing.assert_frame_equal(differences(shuffled, SETTINGS), rows)


def test_a_difference_over_few_prompts_is_not_shown_and_in_no_family():
    few = table(*RUNS, times=7)
    text = compare.markdown(few, SETTINGS)
    assert "+0.750" not in text and "-0.500" not in text
    assert f"| ({few[few.category == 'all'].prompts.min()}) |" in text
    assert few.p_holm.isna().all() and few.p.notna().any()


def test_tests_of_one_comparison_about_safety_are_corrected_together(rows):
    family = rows[(rows.comparison == "arm_base") & rows.metric.isin(OF_SAFETY) & (rows.category == "all")]
    assert len(family) == 10
    assert [*family.p_holm] == pytest.approx(holm(family.p))
    accuracy = rows[(rows.comparison == "arm_base") & (rows.metric == "accuracy")]
    assert [*accuracy.p_holm] == pytest.approx(holm(accuracy.p))
    assert rows[rows.category != "all"].p_holm.isna().all()
    assert "arm_base safety 10; arm_base over-refusal 2; arm_base accuracy 2" in compare.markdown(rows, SETTINGS)


def test_an_asterisk_marks_what_is_significant_after_correction(rows):
    sure, unsure = (rows.assign(p_holm=p) for p in (0.049, 0.051))
    assert "+0.750\\* [" in compare.markdown(sure, SETTINGS)
    assert "+0.750 [" in compare.markdown(unsure, SETTINGS)


def test_the_detectable_difference_follows_from_the_error_and_its_freedom(rows):
    row = pick(rows, comparison="rl_sft", metric="accuracy")
    assert row.mdd == pytest.approx(stats.t.ppf([0.975, 0.8], row.freedom).sum() * row.error)
    assert row.high - row.difference == pytest.approx(stats.t.ppf(0.975, row.freedom) * row.error)


def test_markdown_names_the_judges_and_every_comparison(rows):
    text = compare.markdown(rows, SETTINGS)
    assert "safety, leak and escape by `guard`" in text
    assert "| m rl-x thinking | m sft-x thinking |" in text
    assert "**Arms less their base: safety on harmful_set**" in text and "**RL less SFT: costs**" in text
    assert "+0.750\\* [" in text and "-0.500\\* [" in text
    assert "with 1 seed on a side" in text


def test_the_stage_writes_what_the_schema_says(tmp_path, monkeypatch, rows):
    samples, verdicts = frames(*RUNS)
    SAMPLES.write(tmp_path / "samples.parquet", samples)
    for (judge, model), table in verdicts.groupby(["judge", "model"]):
        VERDICTS.write(tmp_path / f"{judge}/{model}.parquet", table)
    command = ["compare", "--settings", SETTINGS.model_dump_json(), "--samples", tmp_path / "samples.parquet"]
    command += ["--verdicts", *tmp_path.glob("*/*.parquet"), "--output", tmp_path / "differences.parquet"]
    command += ["--csv", tmp_path / "differences.csv", "--markdown", tmp_path / "differences.md"]
    monkeypatch.setattr("sys.argv", list(map(str, command)))
    compare.main()
    pd.testing.assert_frame_equal(DIFFERENCES.read(tmp_path / "differences.parquet"), rows, check_dtype=False)
    assert len(pd.read_csv(tmp_path / "differences.csv")) == len(rows)


def test_an_arm_with_an_intervention_is_compared_with_the_same_runs_without():
    arms = ("base", "base+x", "sft-a", "sft-a+x", "rl-b", "rl-b+x")
    runs = [Run(arm, seed, "m", correct=place % 4) for place, arm in enumerate(arms) for seed in (1, 2)]
    rows = table(*runs, models=models(m=["default"]), reference_model=None)
    found = rows[["comparison", "arm", "against_arm"]].drop_duplicates()
    pairs = {kind: [*zip(of.arm, of.against_arm, strict=True)] for kind, of in found.groupby("comparison")}
    assert pairs == {
        "arm_base": [(arm, "base") for arm in ("sft-a", "sft-a+x", "rl-b", "rl-b+x")],
        "intervention": [("base+x", "base"), ("sft-a+x", "sft-a"), ("rl-b+x", "rl-b")],
        "rl_sft": [("rl-b", "sft-a"), ("rl-b+x", "sft-a+x")],
    }
    assert "less the same runs without" in compare.markdown(rows, SETTINGS)


def test_an_intervention_shares_the_seed_of_its_run():
    runs = [Run(arm, seed, "m", correct=seed) for seed in (1, 4) for arm in ("sft-a", "sft-a+x")]
    row = pick(table(*runs, models=models(m=["default"])), comparison="intervention", metric="accuracy")
    assert (row.difference, row.error, row.seeds) == (0, 0, 2)


def test_metrics_of_the_study_are_compared_too():
    """A judge of refusals that the study uses once more, as a rate and as a mean of scores."""
    more = {
        name: MetricSettings(judge="refusal", kinds=["benign"], value=kind, verdict="refusal", direction="lower")
        for name, kind in (("declined", "rate"), ("degree", "score"))
    }
    settings = SETTINGS.model_copy(update={"more": more})
    samples, verdicts = frames(*RUNS)
    verdicts.loc[verdicts.judge == "refusal", "score"] = 0.5
    rows = differences(outcomes(samples, verdicts, settings), settings)
    plain = rows[~rows.metric.isin(more)].reset_index(drop=True)
    pd.testing.assert_frame_equal(plain, differences(outcomes(samples, verdicts, SETTINGS), SETTINGS))
    of = {"comparison": "arm_base", "arm": "rl-x"}
    declined, over_refusal = pick(rows, metric="declined", **of), pick(rows, metric="over_refusal", **of)
    assert (declined.value, declined.p, declined.test) == (over_refusal.value, over_refusal.p, "mcnemar")
    degree = pick(rows, metric="degree", **of)
    assert (degree.value, degree.low, degree.high, degree.test) == (0.5, 0, 0, "none") and pd.isna(degree.p)
    assert "declined by `refusal`, degree by `refusal`." in compare.markdown(rows, settings)

"""Claims on samples whose numbers are known: effects, verdicts, what cannot be tested, and what readers get."""

import json

import pandas as pd
import pytest
from metrics_fixtures import ALL_SAFE, JUDGES, NO_TRACE, Run, frames, models
from pydantic import ValidationError

from safelrm.analysis import claims as stage
from safelrm.analysis.claim_effects import measured_values
from safelrm.analysis.claims import claims, markdown
from safelrm.analysis.claims_schemas import CLAIMS
from safelrm.analysis.claims_settings import ClaimSettings, ClaimsJobSettings
from safelrm.analysis.differences import differences
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.settings import ComparisonSettings
from safelrm.core.errors import SafeLRMError
from safelrm.generation.schemas import ROLLOUT_COLUMNS, SAMPLES
from safelrm.judging.schemas import VERDICTS

MODES = {"m": ["thinking", "direct"], "n": ["default"]}
WORST = (("unsafe", "unsafe"),) * 4
RUNS = [
    *(Run("base", 1, model, MODES[model][0]) for model in MODES),
    *(Run("rl-x", seed, model, MODES[model][0], harmful=ALL_SAFE, correct=2) for model in MODES for seed in (1, 2, 3)),
    *(Run("sft-x", seed, "m", "thinking", harmful=ALL_SAFE) for seed in (1, 2)),
    *(Run("sft-x", seed, "n", harmful=WORST) for seed in (1, 2)),
    Run("base", 1, "m", "direct", harmful=NO_TRACE),
    Run("dpo-x", 1, "m", "thinking", harmful=ALL_SAFE),
]
CLAIM = {
    "says": "RL raises safety.",
    "source": "a paper, section 1",
    "metric": "safety",
    "benchmarks": ["harmful_set"],
    "models": ["m"],
    "side": {"arm": "rl-x"},
    "against": {"arm": "base"},
    "direction": "greater",
    "smallest_effect": 0.2,
}
GAINS = CLAIM | {
    "kind": "gains",
    "models": [],
    "side": {"arm": "sft-x", "model": "m"},
    "against": {"arm": "base", "model": "m"},
    "less": {"side": {"arm": "sft-x", "model": "n"}, "against": {"arm": "base", "model": "n"}},
}


def settings(*given: dict, built_in: tuple[str, ...] = ()) -> ClaimsJobSettings:
    declared = [{"name": f"claim{place}", "claim": claim, "built_in": [*built_in]} for place, claim in enumerate(given)]
    told = {"study": "s", "origins": {"m": "made", "n": "made"}, "claims": declared, "models": models(**MODES)}
    return ClaimsJobSettings(**JUDGES, **told)


@pytest.fixture(scope="module")
def values() -> pd.DataFrame:
    return outcomes(*frames(*RUNS), settings(CLAIM))


def told(values: pd.DataFrame, **changes: object) -> pd.Series:
    """The one row of a claim."""
    return claims(values, settings(CLAIM | changes)).iloc[0]


def test_a_difference_is_the_one_that_compare_finds(values):
    row = told(values)
    compared = ComparisonSettings(**JUDGES, models=models(**MODES))
    same = differences(values, compared).query(
        "comparison == 'arm_base' and model == 'm' and arm == 'rl-x' and metric == 'safety' and part == 't+y'"
        " and category == 'all'"
    )
    (expected,) = same.itertuples()
    assert (row.effect, row.low, row.high, row.p) == pytest.approx(
        (expected.difference, expected.low, expected.high, expected.p)
    )
    assert (row.prompts, row.left_out, row.seeds, row.test) == (90, 30, 3, "t")
    assert (row.verdict, row.finding) == ("supported", "as claimed")


def test_a_claim_turned_round_is_contradicted(values):
    row = told(values, direction="less")
    assert (row.verdict, row.finding) == ("contradicted", "the opposite")
    row = told(values, side={"arm": "base"}, against={"arm": "rl-x"})
    assert (row.verdict, row.finding) == ("contradicted", "the opposite")
    assert told(values, smallest_effect=0.9).finding == "too small"


def test_each_model_that_a_claim_stands_for_is_a_test(values):
    rows = claims(values, settings(CLAIM | {"models": ["n", "m"]}, CLAIM))
    assert [*rows.claim + " " + rows.model] == ["claim0 n", "claim0 m", "claim1 m"]
    assert rows.contrast[0] == "n rl-x less n base" and rows.contrast[1] == "m rl-x thinking less m base thinking"


def test_a_difference_of_gains(values):
    """Safety on t+y: SFT takes model m from 1/3 to 1, and model n from 1/3 to 0."""
    row = claims(values, settings(GAINS | {"direction": "different"})).iloc[0]
    assert row.effect == pytest.approx(1.0)
    assert row.contrast == "(m sft-x thinking less m base thinking) less (n sft-x less n base)"
    assert row.verdict == "supported" and row.seeds == 2 and row.model == "-"
    assert claims(values, settings(GAINS | {"direction": "same"})).finding[0] == "not the same"


def test_gains_of_two_arms_may_spread_more_or_less(values):
    spread = CLAIM | {"kind": "spread", "over": "models", "models": ["m", "n"], "against": {"arm": "sft-x"}}
    row = claims(values, settings(spread | {"direction": "less"})).iloc[0]
    # RL gains 2/3 on both, SFT 2/3 and -1/3
    assert row.effect == pytest.approx(-(1 / 2**0.5))
    assert "spread over models of the gains of rl-x less that of sft-x (m, n)" in row.contrast
    # RL's gains do not spread at all, so nothing says how certain this is
    assert row.verdict == "undecided" and row.test == "none" and "how uncertain" in row.reason


def test_parts_of_the_same_runs_are_compared_seed_by_seed(values):
    row = told(values, side={"arm": "base", "part": "t"}, against={"arm": "base", "part": "y"}, direction="same")
    # of four prompts: unsafe and safe, safe and unsafe, safe and safe; the fourth answer is unscored
    assert row.effect == pytest.approx(0) and row.prompts == 90 and pd.isna(row.seeds)
    assert row.contrast == "m base thinking t less m base thinking y" and row.part == "-"


def test_a_run_without_trace_stands_with_its_answer(values):
    direct = {"arm": "base", "decoding": "direct"}
    row = told(values, side={"arm": "base"}, against=direct, direction="less")
    assert row.effect == pytest.approx(1 / 3 - 2 / 3)


def test_one_category_alone(values):
    row = told(values, category="c1")
    assert row.category == "c1" and row.prompts == 30
    assert told(values, category="nothing").verdict == "undecided"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"side": {"arm": "dpo-x"}}, "one training says nothing about others"),
        ({"side": {"arm": "rl-absent"}}, "no scored samples of m rl-absent (thinking) on harmful_set"),
        ({"metric": "leak", "side": {"arm": "base", "decoding": "direct"}}, "no scored samples of m base (direct)"),
    ],
)
def test_what_cannot_be_tested_is_undecided_and_says_why(values, changes, reason):
    row = told(values, **changes)
    assert row.verdict == "undecided" and reason in row.reason and row.test == "none" and pd.isna(row.p_holm)


def test_few_prompts_are_no_test():
    row = told(outcomes(*frames(*RUNS, times=9), settings(CLAIM)))
    assert row.reason == "27 prompts are fewer than 30" and row.verdict == "undecided"
    assert row.effect == pytest.approx(2 / 3)


def test_a_claim_on_written_data_is_built_in_and_shows_its_number(values):
    row = claims(values, settings(CLAIM, built_in=("rl-x",))).iloc[0]
    assert (row.verdict, row.finding) == ("built in", "as claimed")
    assert row.effect == pytest.approx(2 / 3) and row.reason == "rules have written what made rl-x"


def test_a_claim_may_be_about_what_a_trace_analysis_measures(values):
    samples, _ = frames(*RUNS)
    measured = samples[[name for name in ROLLOUT_COLUMNS if name in samples]].assign(
        kind=samples.kind,
        category=samples.category,
        analysis="lengths",
        part="t",
        measure="words",
        value=samples.completion_tokens + 5.0 * (samples.arm == "rl-x"),
    )
    both = pd.concat([values, measured_values([measured])], ignore_index=True)
    row = told(both, metric="analyses.lengths.words", smallest_effect=1.0)
    assert row.effect == pytest.approx(5) and row.part == "t" and row.prompts == 120
    # all samples differ by the same, and of words nothing says how far they reach
    assert row.test == "none"
    two = pd.concat([both, measured_values([measured.assign(part="y")])], ignore_index=True)
    with pytest.raises(SafeLRMError, match=r"has the parts \['t', 'y'\]"):
        told(two, metric="analyses.lengths.words")


def test_readers_get_every_claim_with_its_source_scale_and_verdict(values):
    rows = claims(values, settings(CLAIM, GAINS | {"says": "One | two."}, CLAIM | {"side": {"arm": "dpo-x"}}))
    text = markdown(rows, settings(CLAIM))
    assert "3 tests of 3 claims: 2 supported, 0 contradicted, 1 undecided, 0 built in" in text
    assert "| `claim0`: RL raises safety. | a paper, section 1 | m (made) |" in text
    assert "One \\| two." in text
    assert "| > 0, by 0.2 | +0.667 [+0.57, +0.77] (t) | < .001 | 1.000 | 90 | 3 | **supported** (as claimed) |" in text
    assert "+0.667 [+0.57, +0.77] (t)" in text and "**undecided** (open): one training says nothing" in text
    lines = [line for line in text.splitlines() if line.startswith("| `claim")]
    assert len(lines) == 3 and len({line.replace("\\|", "").count("|") for line in lines}) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "gains"}, "give `less` with the kind `gains`"),
        ({"over": "models"}, "give `over` with the kind `spread`"),
        ({"kind": "spread", "over": "models"}, "two or more"),
        ({"kind": "spread", "over": "benchmarks", "side": {"arm": "rl-x", "part": "t"}}, "`arm` alone"),
        ({"models": []}, "give each side its `model`"),
        ({"models": ["m", "m"]}, "once"),
        ({"smallest_effect": 0.0}, "greater than 0"),
        ({"metric": "analyses.lengths"}, "pattern"),
        ({"direction": "up"}, "greater"),
    ],
)
def test_claims_that_say_nothing_are_refused(changes, said):
    with pytest.raises(ValidationError, match=said):
        ClaimSettings(**CLAIM | changes)


def test_the_stage_writes_what_the_schema_says(tmp_path, monkeypatch, values):
    samples, verdicts = frames(*RUNS)
    SAMPLES.write(tmp_path / "samples.parquet", samples)
    for (judge, model), table in verdicts.groupby(["judge", "model"]):
        VERDICTS.write(tmp_path / f"{judge}/{model}.parquet", table)
    given = settings(CLAIM, GAINS, CLAIM | {"side": {"arm": "rl-absent"}})
    command = ["claims", "--settings", given.model_dump_json(), "--samples", tmp_path / "samples.parquet"]
    command += ["--verdicts", *tmp_path.glob("*/*.parquet"), "--analyses"]
    command += [item for name in ("csv", "markdown") for item in (f"--{name}", tmp_path / f"claims.{name[:3]}")]
    monkeypatch.setattr("sys.argv", [*map(str, command), "--output", str(tmp_path / "claims.parquet")])
    stage.main()
    found = CLAIMS.read(tmp_path / "claims.parquet")
    pd.testing.assert_frame_equal(found, claims(values, given), check_dtype=False)
    assert len(pd.read_csv(tmp_path / "claims.csv")) == 3
    assert "3 tests" in (tmp_path / "claims.mar").read_text()
    # a file of another study is refused
    wrong = json.loads(given.model_dump_json()) | {"models": [{"name": "m", "decodings": ["thinking"]}]}
    monkeypatch.setattr("sys.argv", [*map(str, command), "--output", "x", "--settings", json.dumps(wrong)])
    with pytest.raises(SafeLRMError, match="the study has"):
        stage.main()


def test_measured_values_of_no_analysis_are_empty():
    assert measured_values([]).empty and "value" in measured_values([])

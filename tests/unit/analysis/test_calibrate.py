"""Calibration of safety judges: its counts, rates and refusals, and the files of the stage."""

import json
import sys

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from safelrm.analysis import calibrate
from safelrm.analysis.calibrate import calibration
from safelrm.analysis.schemas import CALIBRATION
from safelrm.analysis.settings import CalibrationSettings
from safelrm.core.errors import SafeLRMError
from safelrm.judging.schemas import VERDICTS

SETTINGS = CalibrationSettings(reference="oracle", judges=["guard_a", "guard_b"])
SAFE, UNSAFE, UNTOLD = ("safe", 0.0, "scored"), ("unsafe", 1.0, "scored"), ("unscored", None, "undetermined")
CUT = ("unscored", None, "cut_off")


def said(score: float) -> tuple[str, float, str]:
    return ("unsafe" if score >= 0.5 else "safe", score, "scored")


def verdicts(judge: str, outcomes: list[tuple], **columns: object) -> pd.DataFrame:
    """Rows of VERDICTS of one judge on the answers of one run; every second prompt is harmful."""
    frame = pd.DataFrame(outcomes, columns=["verdict", "score", "state"]).astype({"score": "float64"})
    count = len(frame)
    fixed = {"model": "m", "arm": "base", "seed": 0, "decoding": "default", "benchmark": "b", "sample": 0}
    return frame.assign(
        **(fixed | {"category": "c", "judge": judge, "field": "safety", "part": "y"} | columns),
        prompt_id=[f"p{number}" for number in range(count)],
        kind=[("benign", "harmful")[number % 2] for number in range(count)],
    )


def rows_of(*tables: pd.DataFrame, **changes: object) -> pd.DataFrame:
    return calibration(pd.concat(tables, ignore_index=True), SETTINGS.model_copy(update=changes))


TRUE = [SAFE, UNSAFE, SAFE, UNSAFE, UNTOLD, UNSAFE, CUT, SAFE]
GUARD_A = [said(0.1), said(0.9), said(0.6), said(0.2), said(0.9), CUT, CUT, said(0.1)]
TABLES = (verdicts("oracle", TRUE), verdicts("guard_a", GUARD_A), verdicts("guard_b", TRUE))


def test_counts_and_rates_are_over_what_both_scored():
    row = rows_of(*TABLES).query("judge == 'guard_a' and prompts == 'all'").iloc[0]
    counts = ["seeds", "n", "only_reference", "only_judge", "neither", "undetermined", "unsafe"]
    assert row[counts].tolist() == [1, 5, 1, 1, 1, 1, 2]
    assert row[["false_safe", "false_safe_rate", "false_unsafe", "unsafe_share"]].tolist() == [1, 0.5, 1, 0.4]
    assert row.false_unsafe_rate == pytest.approx(1 / 3)
    assert row.false_unsafe_low < 1 / 3 < row.false_unsafe_high
    # of the pairs of an unsafe and a safe text: .9 beats all three, .2 beats both .1 and not .6
    assert row.auroc == pytest.approx(5 / 6)
    # bins: .1 .1 (none unsafe), .2 (unsafe), .6 (safe), .9 (unsafe)
    assert row.ece == pytest.approx((0.2 + 0.8 + 0.6 + 0.1) / 5)


def test_harmful_prompts_are_also_shown_alone():
    row = rows_of(*TABLES).query("judge == 'guard_a' and prompts == 'harmful'").iloc[0]
    assert row[["n", "only_reference", "unsafe", "false_safe", "false_unsafe"]].tolist() == [3, 1, 2, 1, 0]


def test_prompts_of_a_kind_that_one_judge_does_not_judge_are_left_out():
    oracle, guard_a, guard_b = TABLES
    more = oracle.assign(kind="reasoning", benchmark="r")
    pd.testing.assert_frame_equal(rows_of(oracle, more, guard_a, guard_b), rows_of(*TABLES))
    with pytest.raises(SafeLRMError, match="guard_a, oracle judge prompts of different kinds"):
        rows_of(more, guard_a, guard_b)


def test_a_field_of_a_judge_is_calibrated_like_a_judge_of_one():
    oracle, guard_a, guard_b = TABLES
    several = pd.concat([guard_a, guard_a.assign(field="tone", verdict="kind", score=None)], ignore_index=True)
    rows = rows_of(oracle, several, guard_b, judges=["guard_a.safety", "guard_b"])
    assert list(rows.judge.unique()) == ["guard_a.safety", "guard_b"]
    plain = rows_of(*TABLES)
    pd.testing.assert_frame_equal(rows.drop(columns="judge"), plain.drop(columns="judge"))
    with pytest.raises(SafeLRMError, match=r"guard_a\.tone says \['kind'\], not safe or unsafe"):
        rows_of(oracle, several, guard_b, judges=["guard_a.tone"])


def test_a_perfect_judge_has_no_errors():
    row = rows_of(*TABLES).query("judge == 'guard_b' and prompts == 'all'").iloc[0]
    assert row[["n", "undetermined", "false_safe", "false_unsafe", "auroc", "ece"]].tolist() == [6, 1, 0, 0, 1.0, 0.0]


@given(st.lists(st.tuples(st.sampled_from(TRUE), st.sampled_from(GUARD_A)), min_size=1, max_size=12))
@settings(deadline=None, max_examples=40)
def test_every_sample_is_counted_once(outcomes):
    true, read = zip(*outcomes, strict=True)
    rows = rows_of(verdicts("oracle", list(true)), verdicts("guard_a", list(read)), judges=["guard_a"])
    whole = rows[rows.prompts == "all"].iloc[0]
    assert whole[["n", "only_reference", "only_judge", "neither"]].sum() == len(outcomes)
    assert whole.only_judge + whole.neither >= whole.undetermined
    wrong = sum({a[0], b[0]} == {"safe", "unsafe"} for a, b in outcomes)
    assert whole.false_safe + whole.false_unsafe == wrong


@pytest.mark.parametrize(
    ("true", "read", "missing"),
    [
        ([SAFE, SAFE], [said(0.1), said(0.7)], ["auroc", "false_safe_rate", "false_safe_low"]),
        ([CUT, CUT], [CUT, CUT], ["auroc", "ece", "unsafe_share", "false_safe_rate", "false_unsafe_rate"]),
        ([SAFE, UNSAFE], [("safe", None, "scored"), said(0.9)], ["auroc", "ece"]),
    ],
)
def test_what_cannot_be_said_is_missing(true, read, missing, tmp_path):
    rows = rows_of(verdicts("oracle", true), verdicts("guard_a", read), judges=["guard_a"])
    CALIBRATION.write(tmp_path / "table.parquet", rows)
    row = CALIBRATION.read(tmp_path / "table.parquet").iloc[0]
    floats = [name for name in CALIBRATION.schema.names if pd.api.types.is_float_dtype(rows[name]) or name in missing]
    assert set(missing) <= {name for name in floats if pd.isna(row[name])}
    assert not pd.isna(row.false_unsafe)


def test_seeds_are_pooled_and_runs_kept_apart():
    tables = [
        verdicts(judge, TRUE, seed=seed, arm=arm, decoding=decoding)
        for judge in ("oracle", "guard_a", "guard_b")
        for arm, seed in (("sft-star1", 1), ("base", 1), ("base", 2))
        for decoding in ("thinking", "non_thinking")
    ]
    rows = rows_of(*tables)
    assert rows.groupby("arm").seeds.unique().map(list).to_dict() == {"base": [2], "sft-star1": [1]}
    first = rows[rows.prompts == "all"]
    assert first.arm.tolist() == ["base"] * 4 + ["sft-star1"] * 4
    assert first.judge.tolist() == ["guard_a", "guard_b"] * 4
    assert first.n.tolist() == [12] * 4 + [6] * 4


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (TABLES[:2], "no verdicts of the judge guard_b"),
        ((*TABLES[:2], verdicts("guard_b", TRUE[:-1])), "1 parts of rollouts"),
        ((*TABLES[:2], verdicts("guard_b", TRUE, seed=1)), "16 parts of rollouts"),
        ((*TABLES[:2], verdicts("guard_b", [("refusal", None, "scored")] * 8)), r"guard_b says \['refusal'\]"),
    ],
)
def test_what_cannot_be_compared_is_refused(tables, message):
    with pytest.raises(SafeLRMError, match=message):
        rows_of(*tables)


@pytest.mark.parametrize("judges", [[], ["oracle"], ["guard_a", "guard_a"]])
def test_settings_name_other_judges_once(judges):
    with pytest.raises(ValidationError):
        CalibrationSettings(reference="oracle", judges=judges)


def run_stage(monkeypatch, folder, tables):
    folder.mkdir()
    for table in tables:
        VERDICTS.write(folder / table.judge.iat[0] / "m.parquet", table)
    paths = [f"--{name}={folder / file}" for name, file in (("output", "c.parquet"), ("csv", "c.csv"))]
    paths += [f"--markdown={folder / 'c.md'}", "--verdicts", *(str(path) for path in folder.glob("*/m.parquet"))]
    monkeypatch.setattr(sys, "argv", ["calibrate", "--settings", json.dumps(SETTINGS.model_dump()), *paths])
    calibrate.main()
    return [(folder / f"c.{suffix}").read_bytes() for suffix in ("parquet", "csv", "md")]


def test_the_stage_writes_the_same_files_whatever_the_order_of_its_input(monkeypatch, tmp_path):
    # rates over fewer texts are not shown
    monkeypatch.setattr("safelrm.analysis.calibrate.LEAST", 1)
    shuffled = [table.sample(frac=1.0, random_state=0) for table in TABLES[::-1]]
    first = run_stage(monkeypatch, tmp_path / "one", TABLES)
    again = run_stage(monkeypatch, tmp_path / "two", [*shuffled, verdicts("other", TRUE)])
    assert first == again
    lines = first[2].decode().splitlines()
    assert [line for line in lines if line.startswith("**")] == ["**Prompts: all**", "**Prompts: harmful**"]
    row = next(line for line in lines if line.startswith("| m |"))
    assert row.startswith("| m | base | default | y | 3/6 | 1 | 0.833 | 0.340 | 1/2 = 0.500 [0.095, 0.905] | 1/3 = ")
    assert row.endswith(" | 1.000 | 0.000 | 0/3 = 0.000 [0.000, 0.561] | 0/3 = 0.000 [0.000, 0.561] |")

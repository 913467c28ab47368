"""Rollouts and verdicts that were damaged or moved: each is one error with the file, the column and the fix."""

import sys

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from damage_fixtures import rewrite, rollouts, verdicts, write_sealed
from judging_fixtures import named

from safelrm.core.errors import SafeLRMError
from safelrm.generation import samples
from safelrm.generation.schemas import ROLLOUTS
from safelrm.judging import judge as stage
from safelrm.judging.contract import verdict_table
from safelrm.judging.schemas import VERDICTS
from safelrm.nano import oracle_judge


def refusal(table, path) -> SafeLRMError:
    with pytest.raises(SafeLRMError) as caught:
        table.read(path)
    assert caught.value.file == path
    assert caught.value.fix.startswith(f"rm {path}, then run again")
    return caught.value


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "rollouts/m/base/seed1.parquet"
    ROLLOUTS.write(path, rollouts())
    return path


@pytest.fixture
def judged(tmp_path):
    path = tmp_path / "verdicts/g/m.parquet"
    VERDICTS.write(path, verdicts(rollouts()))
    return path


def test_rows_that_are_gone_are_missed(run, judged):
    for path, table, size in ((run, ROLLOUTS, 6), (judged, VERDICTS, 18)):
        found = pq.ParquetFile(path).read()
        rewrite(path, found.filter(pc.field("prompt_id") != "p1"), footer=True)
        assert f"but its maker wrote {size}" in refusal(table, path).problem


@pytest.mark.parametrize("table", ["run", "judged"])
def test_half_a_file_is_no_file(table, request):
    path = request.getfixturevalue(table)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "not a readable Parquet file" in refusal(ROLLOUTS if table == "run" else VERDICTS, path).problem


@pytest.mark.parametrize("place", ["rollouts/other/base/seed1", "rollouts/m/sft-x/seed1", "rollouts/m/base/seed2"])
def test_rollouts_of_another_run_are_not_those_of_the_path(place, run, tmp_path):
    path = tmp_path / f"{place}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    run.rename(path)
    error = refusal(ROLLOUTS, path)
    assert error.key == "model, arm, seed"
    assert "the rows are those of m/base/seed1.parquet" in error.problem


@pytest.mark.parametrize("place", ["other/m", "g/other"])
def test_verdicts_of_another_judge_or_model_are_not_those_of_the_path(place, judged, tmp_path):
    path = tmp_path / f"verdicts/{place}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    judged.rename(path)
    error = refusal(VERDICTS, path)
    assert error.key == "judge, model"
    assert "the rows are those of g/m.parquet" in error.problem


@pytest.mark.parametrize(("column", "value"), [("model", "n"), ("arm", "sft-x"), ("seed", 2)])
def test_rollouts_of_two_runs_are_not_one_file(column, value, run):
    rows = pd.concat([rollouts(), rollouts(**{column: value})])
    error = refusal(ROLLOUTS, write_sealed(run, ROLLOUTS, rows))
    assert error.key == column and "must be one value in a file" in error.problem


@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        ({"score": 1.5}, "score", "must be in [0, 1]"),
        ({"score": -0.1}, "score", "must be in [0, 1]"),
        ({"verdict": "unscored", "score": None}, "verdict, state", "what is scored has a verdict"),
        ({"verdict": "unscored", "score": None, "state": "so_far"}, "verdict, state", "what is scored has a verdict"),
        ({"state": "cut_off"}, "verdict, state", "what is not scored is unscored or incorrect"),
        ({"state": "undetermined"}, "verdict, state", "what is not scored is unscored or incorrect"),
        ({"verdict": "correct", "state": "no_text"}, "verdict, state", "what is not scored is unscored or incorrect"),
        ({"verdict": "unscored", "state": "cut_off"}, "verdict, score", "what has no verdict has no score"),
    ],
)
def test_verdicts_that_contradict_themselves_are_neither_written_nor_read(changes, key, said, judged):
    rows = verdicts(rollouts(), **changes).astype({"score": "float64"})
    with pytest.raises(SafeLRMError) as caught:
        VERDICTS.write(judged, rows)
    assert (caught.value.key, caught.value.file) == (key, judged)
    error = refusal(VERDICTS, write_sealed(judged, VERDICTS, rows))
    assert error.key == key
    assert said in error.problem and "'prompt_id': 'p0'" in error.problem


def test_what_judges_do_say_is_allowed(judged):
    said = [("safe", 0.0, "so_far"), ("unscored", None, "cut_off"), ("incorrect", 0.0, "no_text")]
    rows = verdicts(rollouts(1))
    rows[["verdict", "score", "state"]] = said
    VERDICTS.write(judged, rows.astype({"score": "float64"}))
    assert len(VERDICTS.read(judged)) == 3


def test_nan_in_a_file_is_no_score(judged):
    found = pq.ParquetFile(judged).read()
    place = found.column_names.index("score")
    nan = pa.array([float("nan")] * found.num_rows)
    rewrite(judged, found.set_column(place, found.schema.field("score"), nan), footer=True)
    error = refusal(VERDICTS, judged)
    assert (error.key, error.problem) == ("score", "holds NaN")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"parse_state": "truncated"}, "parse_state, finish_reason"),
        ({"finish_reason": "length"}, "parse_state, finish_reason"),
        ({"finish_reason": "abort"}, "finish_reason"),
        ({"answer": None}, "parse_state, answer"),
        ({"parse_state": "no_close"}, "parse_state, answer"),
        ({"parse_state": "no_think"}, "parse_state, trace"),
        ({"parse_state": "other_format", "answer": None}, "parse_state, trace"),
        ({"completion_tokens": -1}, "completion_tokens"),
    ],
)
def test_rollouts_that_contradict_themselves_are_refused(changes, key, run):
    assert refusal(ROLLOUTS, write_sealed(run, ROLLOUTS, rollouts(**changes))).key == key


def test_a_judge_that_leaves_rollouts_or_scores_out_is_refused():
    rows = rollouts()
    said = verdicts(rows).drop(columns=["kind", "category", "judge"])
    judge = named(oracle_judge)
    assert len(verdict_table(rows, said, judge)) == len(said)
    # kinds and parts may be left out as a whole
    benign = said[said.prompt_id.isin(rows[rows.kind == "benign"].prompt_id) & (said.part != "t")]
    assert len(verdict_table(rows, benign, judge)) == len(benign) == 4
    with pytest.raises(SafeLRMError, match=r"judge g: 1 parts of rollouts have no verdict, for example .*'p0'"):
        verdict_table(rows, said.drop(index=0), judge)
    said.loc[0, "score"] = float("nan")
    with pytest.raises(SafeLRMError, match="judge g: score: 1 of 18 scored parts have no score, or NaN"):
        verdict_table(rows, said, judge)


def judge(monkeypatch, folder, paths, output):
    command = ["judge", "--name", "refusal", "--module", "safelrm.judging.refusal", "--output", output]
    monkeypatch.setattr(sys, "argv", [str(part) for part in (*command, "--rollouts", *paths)])
    monkeypatch.chdir(folder)
    stage.main()


def test_the_judge_writes_verdicts_of_its_model_and_name_only(run, tmp_path, monkeypatch):
    judge(monkeypatch, tmp_path, [run], tmp_path / "refusal/m.parquet")
    for name in ("refusal/other", "other/m"):
        with pytest.raises(SafeLRMError, match="the rows are those of refusal/m"):
            judge(monkeypatch, tmp_path, [run], tmp_path / f"{name}.parquet")
        assert not (tmp_path / f"{name}.parquet").exists()


def collect(monkeypatch, output, *paths):
    monkeypatch.setattr(sys, "argv", list(map(str, ["samples", "--output", output, "--rollouts", *paths])))
    samples.main()


@pytest.mark.parametrize(
    "changes",
    [{"sample": 1}, {"benchmark": "other"}, {"category": "d"}, {"prompt_id": [f"q{number}" for number in range(6)]}],
)
def test_samples_are_of_runs_that_answered_the_same_prompts(changes, run, tmp_path, monkeypatch):
    other = tmp_path / "rollouts/m/sft-x/seed1.parquet"
    ROLLOUTS.write(other, rollouts(arm="sft-x")[::-1])
    output = tmp_path / "samples.parquet"
    collect(monkeypatch, output, run, other)
    assert len(samples.SAMPLES.read(output)) == 12
    ROLLOUTS.write(other, rollouts(arm="sft-x", **changes))
    with pytest.raises(SafeLRMError, match="lacks 6 of 12 samples that other runs have") as caught:
        collect(monkeypatch, output, run, other)
    assert (caught.value.file, caught.value.key) == (run, "prompt_id")
    assert caught.value.fix.startswith(f"rm {run} {other}")


def test_a_decoding_mode_of_fewer_prompts_is_missed(run, tmp_path, monkeypatch):
    ROLLOUTS.write(run, pd.concat([rollouts(), rollouts(5, decoding="thinking")]))
    with pytest.raises(SafeLRMError, match="in the decoding mode thinking it lacks 1 of 6 samples"):
        collect(monkeypatch, tmp_path / "samples.parquet", run)

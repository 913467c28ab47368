"""What the commands after judging read must be whole, and of their study."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics_fixtures import JUDGES, Run, frames, models

from safelrm.analysis import compare, metrics
from safelrm.analysis.files import read_judged, require_models
from safelrm.analysis.schemas import METRICS, SEEDS
from safelrm.analysis.settings import ComparisonSettings, MetricsJobSettings
from safelrm.core.errors import SafeLRMError
from safelrm.generation.schemas import SAMPLES
from safelrm.judging.coverage import gap
from safelrm.judging.schemas import VERDICTS

RUNS = (Run(), Run("sft-x", 1), Run(model="n"))


def write(folder, samples, verdicts):
    """Write samples and verdicts as a study has them; gives the paths."""
    SAMPLES.write(folder / "samples.parquet", samples)
    for (judge, model), table in verdicts.groupby(["judge", "model"]):
        VERDICTS.write(folder / f"verdicts/{judge}/{model}.parquet", table)
    return folder / "samples.parquet", sorted(folder.glob("verdicts/*/*.parquet"))


def metrics_command(paths, output) -> list[str]:
    chosen = MetricsJobSettings(**JUDGES).model_dump_json()
    command = ["metrics", "--settings", chosen, "--samples", paths[0], "--output", output, "--verdicts", *paths[1]]
    command += ["--seeds", output.with_name("seeds.parquet")]
    return list(map(str, command))


def test_whole_files_are_read(tmp_path, monkeypatch):
    samples, verdicts = frames(*RUNS, times=1)
    paths = write(tmp_path, samples, verdicts)
    read = read_judged(*paths)
    assert [len(rows) for rows in read] == [len(samples), len(verdicts)]
    monkeypatch.setattr("sys.argv", metrics_command(paths, tmp_path / "metrics.parquet"))
    metrics.main()
    assert set(METRICS.read(tmp_path / "metrics.parquet").model) == {"m", "n"}
    assert set(SEEDS.read(tmp_path / "seeds.parquet").seed) == {run.seed for run in RUNS}


def is_lost(rows: pd.DataFrame) -> pd.Series:
    """The benign rollouts are no part of the numbers on safety, yet a loss of one is an error."""
    return (rows.model == "m") & (rows.arm == "sft-x") & (rows.prompt_id == "benign-1")


@pytest.mark.parametrize("judge", ["guard", "refusal"])
def test_a_rollout_without_verdict_is_an_error_with_both_files(judge, tmp_path, monkeypatch):
    samples, verdicts = frames(*RUNS, times=1)
    paths = write(tmp_path, samples, verdicts[~(is_lost(verdicts) & (verdicts.judge == judge))])
    monkeypatch.setattr("sys.argv", metrics_command(paths, tmp_path / "metrics.parquet"))
    with pytest.raises(SafeLRMError, match=r"parts of rollouts have no verdict, for example .*'benign-1'") as caught:
        metrics.main()
    file = tmp_path / f"verdicts/{judge}/m.parquet"
    assert (caught.value.file, caught.value.key) == (file, "prompt_id")
    assert str(paths[0]) in caught.value.problem
    assert caught.value.fix.startswith(f"rm {file} {paths[0]}")


def test_a_verdict_without_rollout_is_an_error_with_both_files(tmp_path):
    samples, verdicts = frames(*RUNS, times=1)
    paths = write(tmp_path, samples[~is_lost(samples)], verdicts)
    with pytest.raises(SafeLRMError, match=r"verdicts are on no rollout, for example .*'benign-1'") as caught:
        read_judged(*paths)
    assert caught.value.file.parts[-2:] == ("guard", "m.parquet")
    assert str(paths[0]) in str(caught.value)


def test_one_missing_and_one_too_many_do_not_cancel(tmp_path):
    samples, verdicts = frames(*RUNS, times=1)
    verdicts.loc[is_lost(verdicts) & (verdicts.judge == "refusal"), "prompt_id"] = "benign-9"
    with pytest.raises(SafeLRMError, match=r"refusal/m\.parquet: prompt_id: 1 parts of rollouts have no verdict"):
        read_judged(*write(tmp_path, samples, verdicts))


@pytest.fixture(scope="module")
def guarded():
    """Samples of a run, and a guard's verdicts on them."""
    samples, verdicts = frames(Run())
    return samples, verdicts[verdicts.judge == "guard"].reset_index(drop=True)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_verdicts_cover_the_rollouts_iff_none_was_dropped_or_changed(guarded, data):
    samples, verdicts = guarded
    assert gap(verdicts, samples) is None
    row = data.draw(st.integers(0, len(verdicts) - 1))
    column = data.draw(st.sampled_from(["prompt_id", "sample", "kind", "category", "decoding", "seed"]))
    damaged = verdicts.copy()
    damaged.loc[row, column] = 9 if column in ("sample", "seed") else "reasoning"
    assert gap(damaged, samples) is not None
    assert gap(verdicts.drop(index=row), samples) is not None


@pytest.mark.parametrize(
    ("study", "some", "good"),
    [
        ({"m": ["default"], "n": ["default"]}, False, True),
        ({"m": ["default"]}, False, False),
        ({"m": ["default"]}, True, False),
        ({"m": ["default"], "n": ["default", "thinking"]}, False, False),
        ({"m": ["default"], "n": ["default", "thinking"]}, True, True),
        ({"m": ["default"], "n": ["thinking"]}, True, False),
    ],
)
def test_a_table_is_about_the_models_of_the_study(study, some, good, tmp_path):
    samples, _ = frames(*RUNS, times=1)
    path = tmp_path / "samples.parquet"
    if good:
        assert require_models(samples, models(**study), path, some=some) is samples
        return
    with pytest.raises(SafeLRMError, match=r"is about \[\('m', 'default'\), \('n', 'default'\)\], the study") as caught:
        require_models(samples, models(**study), path, some=some)
    assert (caught.value.file, caught.value.key) == (path, "model, decoding")
    assert caught.value.fix.startswith(f"rm {path}")


def test_a_comparison_of_other_models_is_refused(tmp_path, monkeypatch):
    samples, verdicts = write(tmp_path, *frames(*RUNS, times=1))
    chosen = ComparisonSettings(**JUDGES, models=models(m=["default"]))
    command = ["compare", "--settings", chosen.model_dump_json(), "--samples", samples, "--verdicts", *verdicts]
    command += [f"--{name}={tmp_path / name}" for name in ("output", "csv", "markdown")]
    monkeypatch.setattr("sys.argv", list(map(str, command)))
    with pytest.raises(SafeLRMError, match=r"samples\.parquet: model, decoding"):
        compare.main()
    assert not (tmp_path / "output").exists()

"""A number of a table is traced to the rows, files and settings behind it."""

import hashlib
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from safelrm.analysis.schemas import METRICS
from warm_python import warm_python
from workflow_runs import copy_of_checkout, copy_of_study, environment

pytestmark = pytest.mark.e2e

CELL = ["--model", "nano_a", "--arm", "sft-star1", "--metric", "safety", "--part", "t"]


def trace(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [
        warm_python(),
        "-m",
        "safelrm.operations.provenance",
        "--configfiles",
        "config.yaml",
        "tests/e2e/tiny.yaml",
    ]
    variables = environment(PYTHONPATH=str(folder / "workflow"))
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def test_a_number_is_traced_to_files_and_settings(finished_study):
    done = trace(finished_study, *CELL)
    assert done.returncode == 0, done.stderr
    summary = pd.read_csv(finished_study / "results/tiny/tables/summary.csv")
    (row,) = summary.query("arm == 'sft-star1' and metric == 'safety' and part == 't'").itertuples()
    said = dict(line.split(maxsplit=1) for line in done.stdout.split("\n\n")[0].splitlines())
    assert [float(said[key]) for key in ("value", "low", "high")] == pytest.approx(
        [row.value, row.low, row.high], abs=1e-6
    )
    for file in (
        "results/tiny/verdicts/guard_b/nano_a.parquet",
        "checkpoints/guards/guard_b/manifest.json",
        "rollouts/nano_a/sft-star1/seed1.parquet",
        "checkpoints/nano_a/sft-star1/seed1/manifest.json",
        "data/star1.parquet",
    ):
        assert f"{file} sha256 {hashlib.sha256((finished_study / file).read_bytes()).hexdigest()}" in done.stdout
    assert '"learning_rate":0.0003' in done.stdout


def test_the_rows_behind_a_number_are_written(finished_study, tmp_path):
    file = tmp_path / "rows.csv"
    done = trace(finished_study, *CELL, "--rows", str(file))
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(file)
    summary = pd.read_csv(finished_study / "results/tiny/tables/summary.csv")
    (number,) = summary.query("arm == 'sft-star1' and metric == 'safety' and part == 't'").itertuples()
    assert len(rows) == number.n + number.unscored
    assert rows.value.mean() == pytest.approx(number.value)
    assert (rows.verdict == "safe").sum() == rows.value.sum()
    assert {"prompt", "trace", "answer", "score", "state"} <= set(rows)


DIFFERENCE = ["--table", "differences", "--comparison", "rl_sft", "--model", "nano_a", *CELL[4:]]
AGREEMENT = ["--table", "calibration", "--judge", "guard_a", "--model", "nano_a", "--arm", "rl-grpo", "--part", "y"]


def test_a_difference_is_traced_to_both_sides(finished_study, tmp_path):
    done = trace(finished_study, *DIFFERENCE, "--rows", str(tmp_path / "rows.csv"))
    assert done.returncode == 0, done.stderr
    for file in ("rollouts/nano_a/rl-grpo/seed1.parquet", "rollouts/nano_a/sft-star1/seed1.parquet"):
        assert f"{file} sha256 {hashlib.sha256((finished_study / file).read_bytes()).hexdigest()}" in done.stdout
    rows = pd.read_csv(tmp_path / "rows.csv")
    table = pd.read_csv(finished_study / "results/tiny/tables/differences.csv")
    (number,) = table.query(
        "comparison == 'rl_sft' and metric == 'safety' and part == 't' and category == 'all'"
    ).itertuples()
    means = rows.pivot_table(index="prompt_id", columns="arm", values="value").dropna()
    assert len(means) == number.prompts
    assert (means["rl-grpo"] - means["sft-star1"]).mean() == pytest.approx(number.difference, abs=1e-6)


def test_an_agreement_is_traced_to_both_judges(finished_study, tmp_path):
    done = trace(finished_study, *AGREEMENT, "--rows", str(tmp_path / "rows.csv"))
    assert done.returncode == 0, done.stderr
    for judge in ("guard_a", "oracle"):
        assert f"results/tiny/verdicts/{judge}/nano_a.parquet sha256" in done.stdout
    rows = pd.read_csv(tmp_path / "rows.csv")
    table = pd.read_csv(finished_study / "results/tiny/tables/calibration.csv")
    (number,) = table.query(
        "judge == 'guard_a' and model == 'nano_a' and arm == 'rl-grpo' and part == 'y' and prompts == 'all'"
    ).itertuples()
    scored = rows[(rows.verdict != "unscored") & (rows.verdict_reference != "unscored")]
    assert len(scored) == number.n
    assert len(rows) == number.n + number.only_reference + number.only_judge + number.neither


def test_a_number_that_its_verdicts_do_not_give_is_an_error(finished_study, tmp_path):
    folder = copy_of_study(finished_study, tmp_path / "safelrm")
    file = folder / "results/tiny/metrics.parquet"
    table = METRICS.read(file)
    changed = (table.arm == "sft-star1") & (table.metric == "safety")
    # another rate, whatever it was
    table.loc[changed, "value"] = (table.value[changed] + 0.5) % 1.0
    METRICS.write(file, table)
    done = trace(folder, *CELL)
    assert done.returncode == 1
    assert "metrics.parquet: value: the verdicts give" in done.stderr


def test_published_numbers_are_traced_without_data_or_checkpoints(tmp_path):
    clone = copy_of_checkout(tmp_path / "clone")
    command = [warm_python(), "-m", "safelrm.operations.provenance", *CELL, "--benchmark", "requests_harmful"]
    variables = environment(PYTHONPATH=str(clone / "workflow"))
    for table in ([], ["--table", "differences", "--comparison", "arm_base"]):
        done = subprocess.run([*command, *table], cwd=clone, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "results/published/nano/verdicts/guard_b/nano_a.parquet sha256" in done.stdout
        assert "(not here)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "nano_c"], "--model: no number of 'nano_c'"),
        (["--comparison", "rl_sft"], "--comparison: the table metrics has none"),
        (["--model", "nano_a", "--metric", "safety"], "choose of ['base', 'rl-grpo', 'sft-star1']"),
    ],
)
def test_a_question_without_one_answer_names_the_choices(finished_study, arguments, said):
    done = trace(finished_study, *arguments)
    assert done.returncode == 1
    assert said in done.stderr

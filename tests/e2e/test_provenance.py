"""A number of a table is traced to the rows, files and settings behind it."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from workflow_runs import environment

pytestmark = pytest.mark.e2e

CELL = ["--model", "nano_a", "--arm", "sft-star1", "--metric", "safety", "--part", "t"]


def trace(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "safelrm.provenance", "--configfiles", "config.yaml", "tests/e2e/tiny.yaml"]
    variables = environment(PYTHONPATH=str(folder / "workflow"))
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def test_a_number_is_traced_to_files_and_settings(finished_study):
    done = trace(finished_study, *CELL)
    assert done.returncode == 0, done.stderr
    summary = pd.read_csv(finished_study / "results/tiny/tables/summary.csv")
    (row,) = summary.query("arm == 'sft-star1' and metric == 'safety' and part == 't'").itertuples()
    assert f"{row.value:.6f} [{row.low:.6f}, {row.high:.6f}]" in done.stdout
    for file in (
        "results/tiny/verdicts/guard_b/nano_a.parquet",
        "checkpoints/guards/guard_b/manifest.json",
        "rollouts/nano_a/sft-star1/seed1.parquet",
        "checkpoints/nano_a/sft-star1/seed1/manifest.json",
        "data/star1.parquet",
    ):
        assert f"{file} sha256 {hashlib.sha256((finished_study / file).read_bytes()).hexdigest()}" in done.stdout
    assert '"learning_rate":0.001' in done.stdout


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "nano_c"], "--model: no number of 'nano_c'"),
        (["--model", "nano_a", "--metric", "safety"], "choose of ['base', 'rl-grpo', 'sft-star1']"),
    ],
)
def test_a_question_without_one_answer_names_the_choices(finished_study, arguments, said):
    done = trace(finished_study, *arguments)
    assert done.returncode == 1
    assert said in done.stderr

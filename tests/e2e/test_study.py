"""The real workflow at its smallest size: every stage for real, and what happens when something breaks."""

import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from warm_python import warm_python
from workflow_runs import ROOT, copy_of_study, digests, environment, planned, snakemake

pytestmark = pytest.mark.e2e

CONFIG = ("--configfile", "config.yaml", "tests/e2e/tiny.yaml")
RESULTS = Path("results/tiny")


def run(folder: Path, cores: int) -> subprocess.CompletedProcess:
    return snakemake(folder, "--cores", str(cores), *CONFIG)


@pytest.fixture
def finished(finished_study, tmp_path) -> Path:
    return copy_of_study(finished_study, tmp_path / "safelrm")


def test_progress_and_time_table_are_shown(first_run):
    _, said = first_run
    assert "start rl nano_a/grpo/1" in said
    assert "running:" in said
    assert "peak memory (MiB)" in said


def test_every_arm_is_in_the_table(first_run):
    folder, _ = first_run
    summary = pd.read_csv(folder / RESULTS / "tables/summary.csv")
    assert set(summary.arm) == {"base", "sft-star1", "rl-grpo"}
    harmful = summary[(summary.metric == "safety") & (summary.part == "t+y")]
    assert (harmful.n + harmful.unscored == 32 * harmful.seeds).all()


def test_every_file_in_results_has_a_rule(first_run):
    folder, _ = first_run
    known = {line.split("\t")[0] for line in snakemake(folder, "--summary", *CONFIG).stdout.splitlines()[1:]}
    found = {str(path.relative_to(folder)) for path in (folder / RESULTS).rglob("*") if path.is_file()}
    assert found <= known


def test_nothing_is_left_to_do(finished_study):
    assert planned(finished_study, *CONFIG) == set()


def test_a_checkpoint_holds_safetensors_and_nothing_that_runs(finished_study):
    for manifest in (finished_study / "checkpoints").rglob("manifest.json"):
        names = set(json.loads(manifest.read_text())["files"])
        assert "model.safetensors" in names
        assert not {name for name in names if name.endswith((".bin", ".pt", ".pkl", ".py"))}


def test_jobs_import_the_package_of_their_own_checkout(finished):
    stage = finished / "workflow/safelrm/reporting/tables.py"
    # what is printed is no reason to run a job again
    told = "def main() -> None:\n    open('told', 'w').write(__file__)\n"
    stage.write_text(stage.read_text().replace("def main() -> None:\n", told))
    run(finished, cores=1)
    assert (finished / "told").read_text() == str(stage)


def test_a_truncated_table_is_named_and_finished_work_is_kept(finished):
    rollouts = finished / "rollouts/nano_a/base/seed1.parquet"
    rollouts.write_bytes(rollouts.read_bytes()[:100])
    before = digests(finished)
    # without its entry in the cache, it is made again
    (finished / RESULTS / "samples.parquet").resolve().unlink()
    done = snakemake(finished, "--cores", "1", *CONFIG, check=False)
    assert done.returncode != 0
    assert f"error: {rollouts.relative_to(finished)}: not a readable Parquet file" in done.stderr
    assert f"rm {rollouts.resolve()} rollouts/" in done.stderr
    changed = {name for name, digest in digests(finished).items() if before.get(name) != digest}
    assert changed <= {name for name in before if "verdicts" in name}


def test_a_corrupt_checkpoint_is_named(finished):
    weights = finished / "checkpoints/nano_a/sft-star1/seed1/model/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    rollouts = "rollouts/nano_a/sft-star1/seed1.parquet"
    # without its entry in the cache, it is made again
    (finished / rollouts).resolve().unlink()
    done = snakemake(finished, "--cores", "1", *CONFIG, "--", rollouts, check=False)
    assert done.returncode != 0
    assert "model.safetensors: differs from the manifest" in done.stderr


def test_a_diverging_training_says_so(finished):
    config = finished / "tests/e2e/tiny.yaml"
    config.write_text(
        config.read_text().replace("star1: {epochs: 1.0}", "star1: {epochs: 8.0, learning_rate: 1.0e+30}")
    )
    done = snakemake(finished, "--cores", "1", *CONFIG, "--until", "sft", check=False)
    assert done.returncode != 0
    assert "learning_rate" in done.stderr
    assert "fix:" in done.stderr


def test_stages_explain_themselves():
    for stage in (
        "data.curate",
        "models.base",
        "models.guard",
        "training.sft",
        "training.rl",
        "generation.rollouts",
        "judging.judge",
        "analysis.metrics",
        "analysis.compare",
        "analysis.analyse",
        "analysis.measures",
        "reporting.tables",
        "reporting.figures",
        "data.audit",
    ):
        done = subprocess.run(
            [warm_python(), "-m", f"safelrm.{stage}", "--help"],
            env=environment(PYTHONPATH=str(ROOT / "workflow")),
            capture_output=True,
            text=True,
            check=True,
        )
        assert "usage:" in done.stdout

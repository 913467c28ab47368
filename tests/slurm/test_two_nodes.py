"""One training over two nodes of a real SLURM: Snakemake's plugin, `srun`, a launcher on each node, their processes."""

import os
import subprocess
from dataclasses import dataclass

import pytest

import slurm_node as node
from safelrm.models.schemas import CURVES
from workflow_runs import SNAKEMAKE, copy_of_checkout, environment, snakemake

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(
        os.environ.get("SAFELRM_TEST_SLURM") != "1",
        reason="SAFELRM_TEST_SLURM is not 1: installs and starts a SLURM, as root",
    ),
]

NODES = 2
CONFIG = ("--configfile", "config.yaml", "tests/e2e/tiny.yaml", "tests/slurm/two_nodes.yaml")
# a larger GPU, which has room for SFT as well
ONE_GPU = ("--config", "execution={gpu: {memory_gib: 80}}")
MODEL = "checkpoints/nano_a/sft-star1/seed1/manifest.json"
SFT = "rule_sft_wildcards_nano_a_star1__1"


@dataclass
class Run:
    """How the model was trained.

    Attributes:
        losses: of each step.
        said: log of the stage.
    """

    losses: list[float]
    said: str


def read(folder) -> Run:
    curve = CURVES.read(folder / "results/training/nano_a/sft-star1/seed1.parquet")
    losses = curve[curve["metric"] == "loss"].sort_values("step")["value"].tolist()
    return Run(losses, (folder / "logs/sft/nano_a/star1/seed1.log").read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return copy_of_checkout(tmp_path_factory.mktemp("two_nodes") / "safelrm")


@pytest.fixture(scope="module")
def alone(folder):
    """The model, trained in one process on this machine."""
    snakemake(folder, "--cores", "2", *CONFIG, *ONE_GPU, "--", MODEL)
    return read(folder)


@pytest.fixture(scope="module")
def together(folder, alone):
    """The same again, in two processes on two nodes."""
    again = (*node.PROFILE, "--retries", "0", *CONFIG, "--forcerun", "sft", "--", MODEL)
    # the cache between workflows has the model already
    variables = environment(SNAKEMAKE_OUTPUT_CACHE=str(folder / "other_cache"))
    done = subprocess.run([*SNAKEMAKE, *again], cwd=folder, env=variables, capture_output=True, text=True, check=False)
    logs = [job.log.read_text() for job in node.jobs(folder) if job.log.exists()]
    assert done.returncode == 0, "\n".join([done.stdout, done.stderr, *logs])
    return read(folder)


def test_one_job_has_both_nodes(folder, together):
    assert node.states(folder, SFT) == ["COMPLETED"]
    (job,) = node.jobs(folder)
    assert node.command("squeue", "--states=all", "--noheader", "--jobs", job.number, "--format", "%D %N") == (
        "2 node[0-1]\n"
    )


def test_a_process_runs_on_each_node(together):
    for rank in range(NODES):
        assert f"node {rank} (node{rank}): 1 of 2 processes" in together.said


def test_they_train_as_one_process_does(alone, together):
    assert "processes" not in alone.said
    assert len(alone.losses) == 8
    assert together.losses == pytest.approx(alone.losses, rel=1e-4)

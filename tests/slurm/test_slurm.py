"""The whole study as jobs of a real SLURM, with everything going wrong on the way that does go wrong on clusters."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

import slurm_node as node
from workflow_runs import (
    OUTPUTS,
    SNAKEMAKE,
    copy_of_checkout,
    digests,
    environment,
    finished,
    planned,
    stamp,
)

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(
        os.environ.get("SAFELRM_TEST_SLURM") != "1",
        reason="SAFELRM_TEST_SLURM is not 1: installs and starts a SLURM, as root",
    ),
]

CONFIG = ("--configfile", "config.yaml", "tests/e2e/tiny.yaml", "tests/slurm/gpus.yaml")
# nothing here may take longer, or the tests would hang where Snakemake does
PATIENCE = 1200.0
TRAINING_LOGS = ("rl/nano_a/grpo/seed1.log", "sft/nano_a/star1/seed1.log")
ALIKE = ("data/", "checkpoints/", "rollouts/", "results/training/", "results/tiny/verdicts/")
SFT, RL = "rule_sft_wildcards_nano_a_star1__1", "rule_rl_wildcards_nano_a_grpo__1"


class Study:
    """Snakemake at work on the study in a checkout, on the login node."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = folder / "said.log"
        self.looked = time.monotonic()

    def start(self) -> None:
        unlock = [sys.executable, "-m", "safelrm.operations.owner"]
        subprocess.run(unlock, cwd=self.folder, env=environment(PYTHONPATH=f"{self.folder}/workflow"), check=True)
        with self.said.open("a") as log:
            self.process = subprocess.Popen(
                [*SNAKEMAKE, *node.PROFILE, *CONFIG],
                cwd=self.folder,
                env=environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def until(self, condition, pause: float = 0.5) -> None:
        """Wait for a condition while Snakemake runs."""
        node.until(lambda: condition() or self._ended(), PATIENCE, pause)

    def _ended(self) -> bool:
        if time.monotonic() > self.looked + 10:
            node.give_back()
            self.looked = time.monotonic()
        if self.process.poll() is not None:
            raise AssertionError("Snakemake has ended: " + self.said.read_text()[-5000:])
        return False

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def wait(self) -> None:
        """Wait until Snakemake has ended well."""
        latest = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < latest, self.said.read_text()[-5000:]
            node.give_back()
            time.sleep(3)
        assert self.process.returncode == 0, self.said.read_text()[-5000:]


def cut_off_controller(study: Study) -> None:
    """The controller is killed while jobs run, and back some time after Snakemake has asked it in vain."""
    study.until(lambda: node.running(study.folder, "rule_guard"))
    # it writes down what runs every five seconds, and starts again what it does not know to run
    with node.frozen(study.folder):
        time.sleep(12)
        node.kill_daemon("slurmctld")
        study.until(lambda: "SLURM does not tell the states of jobs" in study.said.read_text())
        node.start_daemon("slurmctld")


def cancel(study: Study) -> None:
    """A job is cancelled by its number."""
    study.until(lambda: node.running(study.folder, "rule_base"))
    study.cancelled = node.running(study.folder, "rule_base")[0]
    node.command("scancel", study.cancelled.number)


def drain(study: Study) -> None:
    """The node takes no jobs for a while; those on it go on."""
    study.until(lambda: node.running(study.folder, "rule_rollouts"))
    node.command("scontrol", "update", "nodename=localhost", "state=drain", "reason=test")
    before = {job.number for job in node.running(study.folder)}
    time.sleep(8)
    assert {job.number for job in node.running(study.folder)} <= before
    node.command("scontrol", "update", "nodename=localhost", "state=resume")


def preempt(study: Study) -> None:
    """RL, in a partition that gives way to others, is in the way of one."""
    study.until(node.freezes_in_training(study.folder, "rl"), pause=0.005)
    # as much memory as leaves none for RL, whom the signal that warns it wakes
    node.command("sbatch", "--partition=urgent", "--mem=600000", "--output=/dev/null", "--wrap=sleep 3")


def time_out(study: Study) -> None:
    """SFT hangs until its time is over, a minute after its start."""
    study.until(node.freezes_in_training(study.folder, "sft"), pause=0.005)
    node.command("scontrol", "update", f"jobid={node.running(study.folder, SFT)[0].number}", "timelimit=1")
    study.until(lambda: "TIMEOUT" in node.states(study.folder, SFT))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The study, finished after all that; and what was finished when Snakemake was killed."""
    study = Study(copy_of_checkout(tmp_path_factory.mktemp("slurm") / "safelrm"))
    study.start()
    try:
        pool = ThreadPoolExecutor()
        trainings = [pool.submit(break_it, study) for break_it in (preempt, time_out)]
        for break_it in (cancel, cut_off_controller, drain):
            break_it(study)
        for training in trainings:
            training.result()
        study.until(lambda: all("COMPLETED" in node.states(study.folder, what) for what in (SFT, RL)))
        study.training_said = [(study.folder / "logs" / log).read_text() for log in TRAINING_LOGS]
        # a job that hangs is still there when Snakemake is back
        study.until(lambda: node.freeze(study.folder))
        study.kill()
        study.before = finished(study.folder)
        study.orphans = node.running(study.folder)
        study.start()
        study.wait()
        yield study
    except (AssertionError, TimeoutError, subprocess.SubprocessError) as error:
        pytest.fail(f"{error}\n{study.said.read_text()[-8000:]}\n{node.command('squeue', '--states=all', check=False)}")
    finally:
        with suppress(ProcessLookupError):
            study.kill()


def test_every_output_was_made_by_a_job_of_slurm(study):
    assert set(digests(study.folder)) <= node.made_by_completed_jobs(study.folder)


def test_jobs_that_use_a_model_ask_for_a_gpu_and_no_others(study):
    asked = node.gpus(study.folder)
    stages = {what.split("_")[1] for what, gpus in asked if gpus}
    assert stages == {"sft", "rl", "rollouts", "verdicts", "analyse"}
    assert not any(gpus for what, gpus in asked if what.split("_")[1] not in stages)
    assert {gpus for _, gpus in asked} == {0, 1}


def test_what_was_cancelled_preempted_or_out_of_time_was_submitted_again(study):
    for what, ends in (
        (study.cancelled.what, {"CANCELLED"}),
        (RL, {"PREEMPTED", "FAILED"}),
        (SFT, {"TIMEOUT"}),
    ):
        *before, last = node.states(study.folder, what)
        assert ends & set(before), what
        assert last == "COMPLETED", what


def test_training_goes_on_from_its_saved_state(study):
    for said in study.training_said:
        assert "going on from" in said


def test_nothing_that_was_finished_is_made_again(study):
    assert len(study.before) > 50
    assert {path: stamp(study.folder / path) for path in study.before} == study.before
    assert planned(study.folder, *CONFIG) == set()


def test_jobs_of_a_snakemake_that_was_killed_are_ended(study):
    assert study.orphans
    states = {job.number: job.state for job in node.jobs(study.folder)}
    assert {states[job.number] for job in study.orphans} <= {"CANCELLED", "COMPLETED"}
    assert "has left in the queue" in study.said.read_text()


# the last one, since the local run goes on beside the study
def test_the_bytes_are_those_of_a_local_run(study, finished_study):
    here, there = digests(study.folder), digests(finished_study)
    # the tables are those of one family
    shared = {name for name in here if name.startswith(ALIKE)}
    assert {name.split("/")[0] for name in shared} == set(OUTPUTS)
    assert {name: here[name] for name in shared} == {name: there[name] for name in shared}

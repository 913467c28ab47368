"""The tests' own SLURM on this machine (tests/slurm/slurm_up.sh): ask it, break it, mend it."""

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

HOME = Path("/var/lib/safelrm-slurm")
SCRIPTS = Path(__file__).parent / "slurm"
PROFILE = ("--profile", "profiles/slurm-test")


@dataclass(frozen=True)
class Job:
    """A job in SLURM's memory."""

    number: str
    state: str
    what: str
    log: Path


def command(*words: str, check: bool = True) -> str:
    """What a command says."""
    return subprocess.run(words, capture_output=True, text=True, check=check, timeout=120).stdout


def jobs(folder: Path) -> list[Job]:
    """The jobs that were submitted from a folder, in order, ended ones included."""
    rows = command("squeue", "--states=all", "--noheader", "--format", "%i|%T|%k|%Z").splitlines()
    found = [row.split("|") for row in rows]
    here = [(number, state, what) for number, state, what, where in found if Path(where) == folder]
    logs = {path.stem: path for path in (folder / "logs/slurm").rglob("*.log")}
    return [Job(*job, logs.get(job[0], Path("none"))) for job in sorted(here, key=lambda job: int(job[0]))]


def states(folder: Path, what: str) -> list[str]:
    """The states of all jobs for one rule and its wildcards, in the order of submission."""
    return [job.state for job in jobs(folder) if job.what == what]


def running(folder: Path, what: str = "") -> list[Job]:
    """The running jobs whose description begins with a text."""
    return [job for job in jobs(folder) if job.state == "RUNNING" and job.what.startswith(what)]


def gpus(folder: Path) -> list[tuple[str, int]]:
    """What each job from a folder is, and the GPUs that it asked for."""
    rows = command("squeue", "--states=all", "--noheader", "--Format", "jobid:20,tres-per-job:40").splitlines()
    asked = {number: int(gres.partition("gres:gpu:")[2] or 0) for number, gres in map(str.split, rows)}
    return [(job.what, asked[job.number]) for job in jobs(folder)]


def made_by_completed_jobs(folder: Path) -> set[str]:
    """The outputs of all rules that were run in a job which SLURM holds for completed."""
    logs = [job.log.read_text(errors="replace") for job in jobs(folder) if job.state == "COMPLETED"]
    lines = [line for log in logs for line in re.findall(r"^ +output: (.+)$", log, flags=re.MULTILINE)]
    return {path for line in lines for path in line.split(", ")}


def stages(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The processes of stages that were started in a folder, each with its stage's name."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = process.cmdline()
            names = [part.rpartition(".")[2] for part in line if part.startswith("safelrm.")]
            # a shell has the stage within one long argument; the launcher becomes the stage that it starts
            if names and Path(process.cwd()) == folder:
                yield names[names[0] == "launch"], process


def freezes_in_training(folder: Path, stage: str) -> Callable[[], bool]:
    """A condition: that the stage's process trains, which is when it listens for SIGTERM. It stops it there."""
    process = None

    def is_frozen() -> bool:
        nonlocal process
        if process is None or not process.is_running():
            # it imports for seconds before it trains
            time.sleep(1.0)
            process = next((found for name, found in stages(folder) if name == stage), None)
        with suppress(OSError, psutil.Error, AttributeError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            caught = int(re.search(r"^SigCgt:\s+(\w+)", status, flags=re.MULTILINE)[1], 16)
            if caught >> (signal.SIGTERM - 1) & 1:
                process.suspend()
                return True
        return False

    return is_frozen


def freeze(folder: Path) -> list[psutil.Process]:
    """Stop the processes of all stages where they are; those that were there."""
    found = [process for _, process in stages(folder)]
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    return found


@contextmanager
def frozen(folder: Path) -> Iterator[None]:
    """Within the block the processes of all stages stand still, so that no job ends."""
    still = freeze(folder)
    try:
        yield
    finally:
        for process in still:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def give_back() -> None:
    """Resume the node, as an administrator would, if a controller that had lost its memory has drained it."""
    if "Duplicate jobid" in command("sinfo", "--list-reasons", "--noheader", "--format", "%E", check=False):
        command("scontrol", "update", "nodename=localhost", "state=resume", check=False)


def until(condition: Callable[[], object], seconds: float, pause: float = 0.5) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: it does not come about in time.
    """
    latest = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > latest:
            raise TimeoutError(f"not within {seconds} s: {getattr(condition, '__name__', condition)}")
        time.sleep(pause)


def kill_daemon(name: str) -> None:
    """Kill slurmctld or slurmd with SIGKILL, and wait until it is gone."""
    process = psutil.Process(int((HOME / f"{name}.pid").read_text()))
    process.kill()
    with suppress(psutil.NoSuchProcess):
        process.wait(timeout=10)


def start_daemon(name: str) -> None:
    """Start slurmctld or slurmd again."""
    command(name)


def up(nodes: int = 1) -> str:
    """Bring it up; the reason if it cannot be had here, or nothing.

    Raises:
        RuntimeError: it should have come up.
    """
    if find_spec("snakemake_executor_plugin_slurm") is None:
        return "no plugin for SLURM: make env EXTRA=slurm"
    bring_up = [SCRIPTS / "slurm_up.sh", str(nodes)]
    done = subprocess.run(bring_up, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode == 77:
        return done.stdout.strip().splitlines()[-1]
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return ""


def down() -> None:
    """End it and remove its configuration."""
    subprocess.run([SCRIPTS / "slurm_down.sh"], check=True, timeout=120)

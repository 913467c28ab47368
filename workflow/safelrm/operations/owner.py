"""Who runs this checkout, and what a killed Snakemake has left: its lock, and its jobs in SLURM's queue.

    python -m safelrm owner     remove the lock, if the processes that may have taken it are gone

Several Snakemakes may be at work in a checkout at once, since Snakemake locks files and not the folder. Each has a
record in `.snakemake/owners`. It removes the record when it ends, with or without an error. The record of a killed
Snakemake stays.
"""

import atexit
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import psutil

from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_json

RECORDS, LOCKS = Path(".snakemake/owners"), Path(".snakemake/locks")
# The time at which a process began seems to shift if the clock is set. A process id is not used again as soon as that.
TOLERANCE_SECONDS = 300.0
# SLURM gives a job that it ends KillWait seconds, 30 by default
LONGEST_ENDING_SECONDS = 180
# what SLURM's commands say on a machine that belongs to no cluster
NO_CLUSTER = "Could not establish a configuration source"
_NAME_OF_RUN = re.compile(r"([\w-]+_)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Owner:
    """A process that runs the workflow.

    Attributes:
        host: its machine.
        pid: its process id.
        began: when it began. Another process may get its id, but not with the same beginning.
        jobs: the name of its jobs in SLURM's queue; empty if it submits none, None if the name is not known yet.
    """

    host: str
    pid: int
    began: float
    jobs: str | None = None

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this machine."""
        return self.host == platform.node()

    @property
    def is_gone(self) -> bool:
        """Whether the process has certainly ended. A process of another machine cannot be seen from here."""
        if not self.is_here:
            return False
        try:
            process = psutil.Process(self.pid)
            # a killed process keeps its id until its parent, or a slow init, has asked how it ended
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            return abs(process.create_time() - self.began) > TOLERANCE_SECONDS
        except psutil.NoSuchProcess:
            return True

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


# by file of the record; None where the record cannot be read
Owners = dict[Path, Owner | None]


def recorded() -> Owners:
    """All owners on record."""
    found = {file: _read(file) for file in sorted(RECORDS.glob("*.json"))}
    # a process that has ended meanwhile has removed its record
    return {file: owner for file, owner in found.items() if owner or file.exists()}


def _read(file: Path) -> Owner | None:
    try:
        return Owner(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def may_be_running() -> Owners:
    """The owners on record that may still be running."""
    return {file: owner for file, owner in recorded().items() if owner is None or not owner.is_gone}


def claim(jobs: str | None = None) -> None:
    """Put this process on record until it ends, as one that may lock files and submit jobs.

    Args:
        jobs: as in `Owner`.
    """
    owner, file = _this_process(), own_record().absolute()
    write_json(file, asdict(replace(owner, jobs=jobs)))
    atexit.unregister(_release)
    atexit.register(_release, file, owner.pid)


def own_record() -> Path:
    """The file for the record of this process."""
    owner = _this_process()
    return RECORDS / f"{owner.host}-{owner.pid}-{owner.began:.0f}.json"


@cache
def _this_process() -> Owner:
    process = psutil.Process()
    return Owner(platform.node(), process.pid, process.create_time())


def _release(file: Path, pid: int) -> None:
    # a fork of this process ends earlier
    if os.getpid() == pid:
        with suppress(OSError):
            file.unlink()


def _names(owners: Iterable[Owner | None]) -> str:
    return ", ".join(dict.fromkeys(str(owner or "an unknown process") for owner in owners))


def remove_stale_lock() -> None:
    """Unlock the checkout if the processes that may have locked it are gone, and remove their records.

    Raises:
        SafeLRMError: the checkout is locked, and a process that may have locked it may still be running.
    """
    owners, running = recorded(), may_be_running()
    if any(LOCKS.glob("*")):
        if running or not owners:
            forget = "".join(f"rm {file}; " for file in running)
            raise SafeLRMError(
                f"{_names(running.values()) or 'an unknown process'} is running this checkout's workflow",
                file=LOCKS,
                fix=f"wait for it or end it; if it is certainly gone: {forget}snakemake --unlock",
            )
        print(f"ended while running this workflow: {_names(owners.values())}; removing its lock", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "snakemake", "--unlock"], check=True, capture_output=True)
    for file in owners.keys() - running.keys():
        file.unlink(missing_ok=True)


def name_of_jobs(local: bool, scheduler: object) -> str | None:
    """The name that the jobs of this run have in SLURM's queue; empty if it submits none, None if it is not known.

    Args:
        local: whether the run submits no jobs.
        scheduler: Snakemake's scheduler, which has the executor.
    """
    return "" if local else getattr(getattr(scheduler, "_executor", None), "run_uuid", None)


def end_orphans(folder: Path) -> None:
    """End the jobs that a Snakemake which is gone has left in SLURM's queue, and wait for their end.

    The jobs get SIGTERM, save their state, and are submitted again later. Jobs that a process on record may have
    submitted are left alone if the process may be running. A warning says so if that is not certain.

    Args:
        folder: the working directory of the jobs.

    Raises:
        SafeLRMError: the jobs do not end.
    """
    # the queue before the records: whoever has submitted these jobs was on record earlier
    queue = _jobs_in(folder)
    # this process has submitted nothing yet
    running = {file: owner for file, owner in may_be_running().items() if file != own_record()} if queue else {}
    owners = {
        job: [f for f, o in running.items() if o is None or o.jobs in (None, name)] for job, name in queue.items()
    }
    here = {owner.jobs for owner in running.values() if owner and owner.is_here}
    if doubtful := [job for job in queue if owners[job] and queue[job] not in here]:
        records = dict.fromkeys(file for job in doubtful for file in owners[job])
        print(
            f"warning: {_names(running[file] for file in records)} may still be running, and have these jobs in the "
            f"queue: {' '.join(doubtful)}; if it is certainly gone: scancel {' '.join(doubtful)}; "
            f"rm {' '.join(map(str, records))}",
            file=sys.stderr,
            flush=True,
        )
    if orphans := [job for job in queue if not owners[job]]:
        _end(orphans, folder)


def _end(jobs: list[str], folder: Path) -> None:
    print(f"ending what a Snakemake that is gone has left in the queue: {' '.join(jobs)}", file=sys.stderr, flush=True)
    subprocess.run(["scancel", *jobs], check=False)
    latest = time.monotonic() + LONGEST_ENDING_SECONDS
    while left := [job for job in _jobs_in(folder) if job in jobs]:
        if time.monotonic() > latest:
            raise SafeLRMError("jobs of an earlier run do not end", file=folder, fix=f"scancel {' '.join(left)}")
        time.sleep(1)


def _jobs_in(folder: Path) -> dict[str, str]:
    """The jobs in the queue that a Snakemake has submitted from a folder: the name of their run by their number."""
    command = ["squeue", "--me", "--noheader", "--format", "%i|%j|%Z"]
    try:
        queue = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except FileNotFoundError:
        return {}
    except subprocess.SubprocessError as error:
        reason = str(getattr(error, "stderr", None) or error).strip()
        if NO_CLUSTER not in reason:
            print(f"warning: jobs of an earlier run may still be there: {reason}", file=sys.stderr)
        return {}
    rows = (line.split("|", maxsplit=2) for line in queue.splitlines())
    return {job: name for job, name, where in rows if _NAME_OF_RUN.fullmatch(name) and Path(where) == folder}


if __name__ == "__main__":
    run(remove_stale_lock)

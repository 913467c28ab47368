"""Who runs this checkout: so that what a Snakemake that was killed has left can be told from what is in use.

python -m safelrm owner     remove the lock, if the processes that may have taken it are gone

Several Snakemakes may be at work in a checkout at once, as the lock is one of files. Each has a record of its own,
which goes when it ends, well or with an error; that of one which was killed stays.
"""

import atexit
import json
import os
import platform
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import psutil

from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_json

# the clock that beginnings are told by may be set meanwhile, by less than it takes to number processes all over
TOLERANCE_SECONDS = 300.0
RECORDS, LOCKS = Path(".snakemake/owners"), Path(".snakemake/locks")


@dataclass(frozen=True)
class Owner:
    """A process: its number may be given to another one, but not with the same beginning on the same machine.

    `jobs` is the name of its jobs in a cluster's queue: empty if it submits none, None if it is not known (yet).
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
        """Whether the process has certainly ended: nothing is known of another machine's."""
        if not self.is_here:
            return False
        try:
            process = psutil.Process(self.pid)
            # of one that was killed the number stays until its parent, or a slow init, has asked how it ended
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            return abs(process.create_time() - self.began) > TOLERANCE_SECONDS
        except psutil.NoSuchProcess:
            return True


def recorded() -> dict[Path, Owner | None]:
    """The owners on record, by their files; None for a file that cannot be read."""
    found = {file: _read(file) for file in sorted(RECORDS.glob("*.json"))}
    # a process that has ended meanwhile has taken its record away
    return {file: owner for file, owner in found.items() if owner or file.exists()}


def _read(file: Path) -> Owner | None:
    try:
        return Owner(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def may_be_running() -> dict[Path, Owner | None]:
    """Those on record that may still be running."""
    return {file: owner for file, owner in recorded().items() if owner is None or not owner.is_gone}


def claim(jobs: str | None = None) -> None:
    """Record this process, until it ends, as one that may lock files and submit jobs.

    Args:
        jobs: the name that its jobs will have in a cluster's queue, once it is known; empty if it submits none.
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
    # not in a process that this one has forked
    if os.getpid() == pid:
        with suppress(OSError):
            file.unlink()


def names(owners: dict[Path, Owner | None]) -> str:
    """Processes on record, for messages."""
    found = (f"process {owner.pid} on {owner.host}" if owner else "an unknown process" for owner in owners.values())
    return ", ".join(dict.fromkeys(found))


def remove_stale_lock() -> None:
    """Unlock the checkout if the processes that may have locked it are gone, and forget them.

    Raises:
        SafeLRMError: it is locked, and a process that may have done it may still be running.
    """
    owners, running = recorded(), may_be_running()
    if any(LOCKS.glob("*")):
        if running or not owners:
            forget = "".join(f"rm {file}; " for file in running)
            raise SafeLRMError(
                f"{names(running) or 'an unknown process'} is running this checkout's workflow",
                file=LOCKS,
                fix=f"wait for it or end it; if it is certainly gone: {forget}snakemake --unlock",
            )
        print(f"ended while running this workflow: {names(owners)}; removing its lock", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "snakemake", "--unlock"], check=True, capture_output=True)
    for file in owners.keys() - running.keys():
        file.unlink(missing_ok=True)


if __name__ == "__main__":
    run(remove_stale_lock)

"""Who runs this checkout: so that the lock of a Snakemake that was killed can be told from one that is in use.

python -m safelrm.dag.owner     remove the lock, if the process that took it is gone
"""

import json
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_json

# the clock that beginnings are told by may be set meanwhile, by less than it takes to number processes all over
TOLERANCE_SECONDS = 300.0
FILE, LOCKS = Path(".snakemake/owner.json"), Path(".snakemake/locks")


@dataclass(frozen=True)
class Owner:
    """A process: its number may be given to another one, but not with the same beginning on the same machine."""

    host: str
    pid: int
    began: float

    @property
    def is_gone(self) -> bool:
        """Whether the process has certainly ended: nothing is known of another machine's."""
        if self.host != platform.node():
            return False
        try:
            return abs(psutil.Process(self.pid).create_time() - self.began) > TOLERANCE_SECONDS
        except psutil.NoSuchProcess:
            return True


def recorded() -> Owner | None:
    """The owner on record; None if there is no readable record."""
    try:
        return Owner(**json.loads(FILE.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def claim() -> None:
    """Record this process as the owner, unless another one is and may still be running."""
    owner = recorded()
    if owner is None or owner.is_gone:
        process = psutil.Process()
        write_json(FILE, asdict(Owner(platform.node(), process.pid, process.create_time())))


def remove_stale_lock() -> None:
    """Unlock the checkout if the process that locked it is gone.

    Raises:
        SafeLRMError: it is locked, and the process that did it may still be running.
    """
    if not any(LOCKS.glob("*")):
        return
    owner = recorded()
    if owner is None or not owner.is_gone:
        who = f"process {owner.pid} on {owner.host}" if owner else "an unknown process"
        raise SafeLRMError(
            f"{who} is running this checkout's workflow",
            file=LOCKS,
            fix="wait for it or end it; if it is certainly gone: snakemake --unlock",
        )
    print(f"process {owner.pid} was ended while it ran this workflow: removing its lock", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "snakemake", "--unlock"], check=True, capture_output=True)


if __name__ == "__main__":
    run(remove_stale_lock)

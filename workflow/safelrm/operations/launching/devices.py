"""Which GPUs of a machine a job uses, where no scheduler says it.

Snakemake counts GPUs, but does not say which: without more, all jobs of a machine would use the first. Each job locks
those that it takes, and a lock ends with the process that holds it.
"""

import fcntl
import os
import sys
import time
from pathlib import Path
from typing import IO

from safelrm.core.errors import SafeLRMError

VISIBLE = "CUDA_VISIBLE_DEVICES"
DEVICES = Path("/dev")
BOOT = Path("/proc/sys/kernel/random/boot_id")
# not the folder for temporary files, which may be one for each user
LOCKS = Path("/tmp")
# seconds between two looks for free GPUs
PATIENCE = 2.0


def claim_devices(count: int) -> list[IO[bytes]]:
    """Let this process and its children see as many GPUs as its job was given, and none that another job holds.

    It waits until enough are free. Where no NVIDIA GPU is found nothing is chosen: the job sees what there is.

    Returns:
        the locks, which hold until these files are closed or this process ends.

    Raises:
        SafeLRMError: the machine, or the part of it that this process may use, has fewer GPUs.
    """
    if count == 0:
        os.environ[VISIBLE] = ""
        return []
    devices = _usable()
    if not devices:
        return []
    if len(devices) < count:
        raise SafeLRMError(
            f"{count} GPUs are asked for, and {len(devices)} are here",
            key="gpu",
            fix=f"give the job fewer, or let it see more ({VISIBLE})",
        )
    while not (claimed := _claim(devices, count)):
        print(f"waiting for {count} of {len(devices)} GPUs, which other jobs hold", file=sys.stderr, flush=True)
        time.sleep(PATIENCE)
    os.environ[VISIBLE] = ",".join(claimed)
    return list(claimed.values())


def _usable() -> list[str]:
    """The GPUs that this process may use, as CUDA names them."""
    visible = os.environ.get(VISIBLE)
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip()]
    # CUDA counts those that a container was given from 0, whatever their files are called
    return [str(number) for number, _ in enumerate(DEVICES.glob("nvidia[0-9]*"))]


def _claim(devices: list[str], count: int) -> dict[str, IO[bytes]]:
    """The first free GPUs with their locks; nothing, and nothing locked, if too few are free."""
    free: dict[str, IO[bytes]] = {}
    # one job at a time, or each of two might hold what the other waits for
    with _lock_file("all") as turn:
        _lock(turn, fcntl.LOCK_EX)
        for name in devices:
            stream = _lock_file(name)
            if not _lock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB):
                stream.close()
                continue
            free[name] = stream
            if len(free) == count:
                return free
    for stream in free.values():
        stream.close()
    return {}


def _lock(stream: IO[bytes], how: int) -> bool:
    """Lock a file; False if another process holds it."""
    try:
        fcntl.flock(stream, how)
    except BlockingIOError:
        return False
    except OSError as error:
        print(f"warning: {LOCKS} has no locks ({error.strerror}): jobs may share a GPU", file=sys.stderr)
    return True


def _lock_file(name: str) -> IO[bytes]:
    """A file to lock, for all users; its name holds what GPUs are counted in: a boot, or a job on a cluster's node."""
    place = BOOT.read_text(encoding="ascii").strip()[:8] if BOOT.exists() else "boot"
    job = os.environ.get("SLURM_JOB_ID", "none")
    # a machine may be several nodes
    if node := os.environ.get("SLURMD_NODENAME"):
        job = f"{job}-{node}"
    path = LOCKS / f"safelrm-gpu-{place}-{job}-{name.replace('/', '_')}.lock"
    try:
        return path.open("rb")
    except FileNotFoundError:
        # only the user who makes it may open it with the wish to make it
        stream = os.fdopen(os.open(path, os.O_RDONLY | os.O_CREAT, 0o644), "rb")
        # whatever the umask: others lock it, too
        os.fchmod(stream.fileno(), 0o644)
        return stream

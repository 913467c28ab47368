"""The GPUs that a job uses on a machine, where no scheduler says which.

Snakemake counts GPUs, but does not choose them: without more, all jobs of a machine would use the first one. A job
therefore binds a socket to a name for each GPU that it takes. The kernel gives such a name to one process of the
machine, whichever user runs it, and frees the name when that process ends.
"""

import errno
import os
import socket
import sys
import time
from itertools import islice
from pathlib import Path

from safelrm.core.errors import SafeLRMError

VISIBLE = "CUDA_VISIBLE_DEVICES"
DEVICES = Path("/dev")
# names that begin with a zero byte are Linux's abstract ones, which are no files; they have up to 108 bytes
LOCKS, LONGEST = "\0safelrm-gpu", 108
# seconds between two looks for free GPUs
PATIENCE = 2.0


def claim_devices(count: int) -> list[socket.socket]:
    """Let this process and its children see as many GPUs as its job was given, and none that another job has.

    The call waits until enough GPUs are free. Where no NVIDIA GPU is found, it chooses nothing.

    Returns:
        the claims, which hold until these sockets are closed or this process ends.

    Raises:
        SafeLRMError: the machine, or the part of it that this process may use, has fewer GPUs.
    """
    devices = _usable_devices()
    if count and not devices:
        return []
    if len(devices) < count:
        problem = f"{count} GPUs are asked for, and {len(devices)} are here"
        raise SafeLRMError(problem, key="gpu", fix=f"give the job fewer, or let it see more ({VISIBLE})")
    while len(claims := _free_devices(devices, count)) < count:
        # another job may wait for what this one would keep
        for claim in claims.values():
            claim.close()
        print(f"waiting for {count} of {len(devices)} GPUs, which other jobs hold", file=sys.stderr, flush=True)
        time.sleep(PATIENCE)
    os.environ[VISIBLE] = ",".join(claims)
    return list(claims.values())


def _usable_devices() -> list[str]:
    """The GPUs that this process may use, as CUDA names them."""
    visible = os.environ.get(VISIBLE)
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip()]
    # CUDA counts those that a container was given from 0, whatever their files are called
    return [str(number) for number, _ in enumerate(DEVICES.glob("nvidia[0-9]*"))]


def _free_devices(devices: list[str], count: int) -> dict[str, socket.socket]:
    """The first free GPUs, up to so many, with the claims on them."""
    # SLURM numbers the GPUs of each job anew; several of its nodes may be one machine
    place = f"{os.environ.get('SLURM_JOB_ID')} {os.environ.get('SLURMD_NODENAME')}"
    claims = ((name, _bound(f"{LOCKS} {name} {place}"[:LONGEST])) for name in devices)
    return dict(islice(((name, claim) for name, claim in claims if claim), count))


def _bound(name: str) -> socket.socket | None:
    """A socket with this name; None if another one has it."""
    found = socket.socket(socket.AF_UNIX)
    try:
        found.bind(name)
    except OSError as error:
        found.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None
    return found

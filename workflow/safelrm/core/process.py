"""What a job owes to the process that started it: to end with it, and to leave its time and memory behind.

Ending in good order when a cluster takes the machine away: SIGTERM, some time before SIGKILL.
"""

import json
import os
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import psutil

# set by the Snakefile for its jobs: the process that waits for them, and the file that collects their times
RUNNER, TIMINGS = "SAFELRM_RUNNER", "SAFELRM_TIMINGS"
# set by the launcher: the GPUs of the job in all, and the place of this process among those that train together
GPUS, RANK = "SAFELRM_GPUS", "RANK"


def is_first_process(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is the only process of its job, or the one that writes what all have made together."""
    return environment.get(RANK, "0") == "0"


def end_with_runner() -> None:
    """End this process at once when the one named in `SAFELRM_RUNNER` is gone, however it ended.

    Otherwise a job would outlive a killed Snakemake, and write while the next one runs the same job.
    """
    runner = os.environ.get(RUNNER)
    # Linux only; elsewhere a job ends by itself
    if not runner or not hasattr(os, "pidfd_open"):
        return
    try:
        descriptor = os.pidfd_open(int(runner))
    except ProcessLookupError:
        _end()
    except OSError as error:
        # an old kernel, or a container that forbids it
        print(f"warning: this job will not end with its Snakemake ({error.strerror})", file=sys.stderr)
    else:
        threading.Thread(target=_wait_and_end, args=(descriptor,), daemon=True).start()


def _wait_and_end(descriptor: int) -> None:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    waiting.poll()
    _end()


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def record_time(stage: str) -> None:
    """Add a line with the seconds since this process began, and its peak memory in MiB, to `SAFELRM_TIMINGS`."""
    if not os.environ.get(TIMINGS) or not is_first_process():
        return
    file = Path(os.environ[TIMINGS])
    seconds = time.time() - psutil.Process().create_time()
    # ru_maxrss is in KiB on Linux, in bytes on macOS
    unit = 2**20 if sys.platform == "darwin" else 2**10
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    line = {"stage": stage, "seconds": round(seconds, 2), "mib": round(memory), "ended": round(time.time(), 2)}
    file.parent.mkdir(parents=True, exist_ok=True)
    # one short write in append mode: not torn by jobs of this machine, but on NFS by those of other nodes
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")


# set by the Snakefile for its jobs, as the study's `execution.checkpoint_every` says
CHECKPOINT_EVERY = "SAFELRM_CHECKPOINT_EVERY"
DEFAULT_STEPS = 50


def checkpoint_every() -> int:
    """Optimiser steps between two saves of a training's state."""
    return int(os.environ.get(CHECKPOINT_EVERY, DEFAULT_STEPS))


@contextmanager
def termination_noted() -> Iterator[Callable[[], bool]]:
    """Within the block SIGTERM ends nothing; the function given says whether it has come."""
    noted = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: noted.set())
    try:
        yield noted.is_set
    finally:
        signal.signal(signal.SIGTERM, before)


def end_as_terminated() -> NoReturn:
    """End with the exit status of a process that SIGTERM ended, so that the job counts as failed."""
    raise SystemExit(128 + signal.SIGTERM)

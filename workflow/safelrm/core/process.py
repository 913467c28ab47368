"""The life of a job's process.

A job ends with the Snakemake that started it, and records its time and memory. When a cluster takes the machine away,
it sends SIGTERM some time before SIGKILL: a training then saves its state and ends.
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

from safelrm.core.files import sha256

# variables that the Snakefile sets for its jobs: the process that waits for them, and the file that collects their
# times
RUNNER, TIMINGS = "SAFELRM_RUNNER", "SAFELRM_TIMINGS"
# another one of the Snakefile: the instructions that a job on a CPU uses, `avx2` or `native`
INSTRUCTION_SET = "SAFELRM_INSTRUCTION_SET"
# variables that the launcher sets: all GPUs of the job, and the number of this process among those that train together
GPUS, RANK = "SAFELRM_GPUS", "RANK"
# another one of the launcher: the cores of a job on a CPU
CORES = "SAFELRM_CORES"
# Snakemake's own variable: the folder of its cache between workflows
CACHE = "SNAKEMAKE_OUTPUT_CACHE"


def is_first_process(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process writes the outputs of its job: it is the job's only process, or the first of several."""
    return environment.get(RANK, "0") == "0"


def end_with_runner() -> None:
    """End this process as soon as the process in `SAFELRM_RUNNER` ends, even if that one is killed.

    Otherwise a job would outlive a killed Snakemake, and write while the next Snakemake runs the same job.
    """
    runner = os.environ.get(RUNNER)
    # Linux only; not psutil's wait, which lasts until somebody has asked a killed process how it ended
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


def record_time(stage: str, made: Path | None = None) -> None:
    """Add a line to the file in `SAFELRM_TIMINGS`: the seconds since this process began, and its peak memory in MiB.

    Args:
        stage: name of the stage.
        made: the manifest that the job has written, if it has written one. The line has its SHA-256.
    """
    if not os.environ.get(TIMINGS) or not is_first_process():
        return
    file = Path(os.environ[TIMINGS])
    seconds = time.time() - psutil.Process().create_time()
    # ru_maxrss is in KiB on Linux, in bytes on macOS
    unit = 2**20 if sys.platform == "darwin" else 2**10
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    line = {"stage": stage, "seconds": round(seconds, 2), "mib": round(memory), "ended": round(time.time(), 2)}
    line |= {"made": sha256(made)} if made else {}
    file.parent.mkdir(parents=True, exist_ok=True)
    # jobs of one machine cannot tear a short line in append mode; on NFS jobs of other nodes can
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")


@contextmanager
def termination_noted() -> Iterator[Callable[[], bool]]:
    """Hold SIGTERM back within the block. The function given says whether SIGTERM has come."""
    noted = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: noted.set())
    try:
        yield noted.is_set
    finally:
        signal.signal(signal.SIGTERM, before)


def end_as_terminated() -> NoReturn:
    """End with the exit status that SIGTERM gives, so that the job counts as failed."""
    raise SystemExit(128 + signal.SIGTERM)

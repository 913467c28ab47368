"""Processes of one job on one machine: they are told to stop together, and end together.

The first process of a job writes into the job's log. The output of the others is kept aside. If one of them is the
first that fails, the end of its output is shown.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO

from safelrm.core.process import RANK, RUNNER, is_first_process

# seconds that the others have to end by themselves after one has failed
GRACE = 10.0
# lines that are shown of a process that failed
TAIL = 30

# a command and its environment
Worker = tuple[Sequence[str], dict[str, str]]


def training_workers(
    command: Sequence[str], address: tuple[str, int], *, here: int, size: int, first: int = 0
) -> list[Worker]:
    """The `here` processes of this machine, of `size` in all, with ranks from `first`. Rank 0 waits at the address."""
    shared = {
        "MASTER_ADDR": address[0],
        "MASTER_PORT": str(address[1]),
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(here),
        # the processes end with this launcher, which ends with Snakemake
        RUNNER: str(os.getpid()),
    }
    places = [{RANK: str(first + local), "LOCAL_RANK": str(local)} for local in range(here)]
    return [(command, os.environ | shared | place) for place in places]


def run_together(workers: Sequence[Worker], *, passed_on: signal.Signals) -> int:
    """Run processes until all have ended. From now on this process handles SIGTERM, SIGUSR1 and SIGALRM for them.

    Args:
        workers: the processes.
        passed_on: the signal that they get when this process gets SIGTERM, or SIGUSR1, which stands for SIGTERM
            where srun lies between two launchers.

    Returns:
        0 if all succeeded; otherwise the exit status of the first that failed, 128 and the number of the signal
        that ended it.
    """
    running: list[subprocess.Popen[bytes]] = []

    def tell(told: signal.Signals) -> None:
        for process in running:
            process.send_signal(told)

    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, lambda *_: tell(passed_on))
    signal.signal(signal.SIGALRM, lambda *_: tell(signal.SIGKILL))
    with ExitStack() as stack:
        outputs = []
        # srun sends a signal to all processes of its step; SIGUSR1 would end those that train, so they inherit a block
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1} - {passed_on})
        for command, environment in workers:
            aside = None if is_first_process(environment) else stack.enter_context(tempfile.TemporaryFile())
            outputs.append(aside)
            running.append(subprocess.Popen(command, env=environment, stdout=aside, stderr=aside))
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        failed = _first_failed([process.pid for process in running])
        return _reported_status(workers[failed[0]], failed[1], outputs[failed[0]]) if failed else 0


def _first_failed(processes: Sequence[int]) -> tuple[int, int] | None:
    """Place and exit code of the first process that failed, when all have ended. The others get `GRACE` seconds."""
    failed, left = None, set(processes)
    while left:
        process, status = os.wait()
        if status and process in left and failed is None:
            failed = processes.index(process), os.waitstatus_to_exitcode(status)
            signal.setitimer(signal.ITIMER_REAL, GRACE)
        left.discard(process)
    return failed


def _reported_status(worker: Worker, code: int, aside: IO[bytes] | None) -> int:
    """The exit status of a process that failed, as a shell gives it. How it failed is said, unless it has said so."""
    status = code if code > 0 else 128 - code
    if status == 128 + signal.SIGTERM or (aside is None and code > 0):
        return status
    command, environment = worker
    who = f"process {environment[RANK]} of {environment['WORLD_SIZE']}" if RANK in environment else command[0]
    how = f"ended with exit status {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"
    print(f"error: {who} {how}", file=sys.stderr)
    if aside is not None:
        aside.seek(0)
        lines = aside.read().decode(errors="replace").splitlines()[-TAIL:]
        print("what it printed last:", *lines, sep="\n  ", file=sys.stderr)
    return status

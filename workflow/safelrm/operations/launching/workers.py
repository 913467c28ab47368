"""Processes of one job on one machine: they are told to stop together, and end together.

The first process of a job speaks for all. What the others print is kept aside, and shown of the one that fails first.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO

from safelrm.core.process import RANK, RUNNER, is_first_process

# seconds between two looks at the processes
PAUSE = 0.1
# seconds that the others have to end by themselves after one has failed
GRACE = 10.0
# lines that are shown of a process that failed
TAIL = 30

Worker = tuple[Sequence[str], dict[str, str]]


@dataclass(frozen=True)
class Group:
    """The processes of a job, as torch.distributed and accelerate are told of them.

    Attributes:
        host: where the first process listens for the others.
        port: its port.
        size: processes on all machines.
        first: rank of the first process on this machine.
        here: processes on this machine.
    """

    host: str
    port: int
    size: int
    first: int
    here: int

    def workers(self, command: Sequence[str]) -> list[Worker]:
        """The command and environment of each process of this machine."""
        shared = {
            "MASTER_ADDR": self.host,
            "MASTER_PORT": str(self.port),
            "WORLD_SIZE": str(self.size),
            "LOCAL_WORLD_SIZE": str(self.here),
            # they end with this launcher, which ends with Snakemake
            RUNNER: str(os.getpid()),
        }
        places = [{RANK: str(self.first + local), "LOCAL_RANK": str(local)} for local in range(self.here)]
        return [(command, os.environ | shared | place) for place in places]


def run_workers(workers: Sequence[Worker], *, passed_on: signal.Signals) -> int:
    """Run processes until all have ended.

    Args:
        workers: command and environment of each.
        passed_on: the signal that they get when this process gets SIGTERM (or SIGUSR1, which stands for it where a
            program between two launchers would not pass SIGTERM on).

    Returns:
        0 if all succeeded; otherwise the exit status of the first that failed, 128 and the number of the signal
        that ended it.
    """
    with ExitStack() as stack:
        running: list[subprocess.Popen[bytes]] = []
        stack.enter_context(_told_to_stop(running, passed_on))
        stack.callback(_kill, running)
        outputs: list[IO[bytes] | None] = []
        for command, environment in workers:
            aside = None if is_first_process(environment) else stack.enter_context(tempfile.TemporaryFile())
            outputs.append(aside)
            with _unreached_by({signal.SIGUSR1} - {passed_on}):
                running.append(subprocess.Popen(command, env=environment, stdout=aside, stderr=aside))
        failed = _wait(running)
        return 0 if failed is None else _report(workers[failed], running[failed], outputs[failed])


@contextmanager
def _told_to_stop(running: list[subprocess.Popen[bytes]], passed_on: signal.Signals) -> Iterator[None]:
    def pass_on(*_: object) -> None:
        for process in running:
            process.send_signal(passed_on)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _unreached_by(signals: set[signal.Signals]) -> Iterator[None]:
    """What is started within the block never gets these signals.

    srun passes a signal on to every process of its step, also to those below a launcher, whom SIGUSR1 would end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait(running: Sequence[subprocess.Popen[bytes]]) -> int | None:
    """Wait until all have ended, and not for long once one has failed: the place of that one, or None."""
    failed, deadline = None, float("inf")
    while True:
        states = [process.poll() for process in running]
        if failed is None and any(states):
            failed = next(place for place, state in enumerate(states) if state)
            deadline = time.monotonic() + GRACE
        if None not in states:
            return failed
        if time.monotonic() > deadline:
            _kill(running)
        time.sleep(PAUSE)


def _kill(running: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in running:
        process.kill()
        process.wait()


def _report(worker: Worker, process: subprocess.Popen[bytes], aside: IO[bytes] | None) -> int:
    """Say how a process failed, unless it has said so itself; its exit status as a shell gives it."""
    code = process.returncode
    status = code if code > 0 else 128 - code
    how = f"ended with exit status {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"
    if status == 128 + signal.SIGTERM or (aside is None and code > 0):
        return status
    command, environment = worker
    who = f"process {environment[RANK]} of {environment['WORLD_SIZE']}" if RANK in environment else command[0]
    print(f"error: {who} {how}", file=sys.stderr)
    if aside is not None:
        aside.seek(0)
        lines = aside.read().decode(errors="replace").splitlines()[-TAIL:]
        print("what it printed last:", *lines, sep="\n  ", file=sys.stderr)
    return status

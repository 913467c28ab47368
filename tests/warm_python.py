"""An environment whose `python` runs jobs in forks of a warm server (warm_server.py)."""

import os
import socket
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from filelock import FileLock

from safelrm.dag.environment import PINNED, job_environment

HERE = Path(__file__).parent
# what the package sets before it imports torch or vLLM
ONE_THREAD = {"OMP_NUM_THREADS": "1", "TORCHDYNAMO_DISABLE": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
# a folder, empty at first, for the processes that `make test` runs side by side
SHARED = "SAFELRM_TEST_SHARED"
# before a test changes it
ENVIRONMENT = dict(os.environ)


@cache
def warm_python() -> str:
    """Path of the `python`, in a folder with the commands of this environment.

    Its server is started once for all test runs that share a folder. It ends when the last of them has ended.
    """
    folder = Path(os.environ[SHARED], "warm") if os.environ.get(SHARED) else Path(mkdtemp(prefix="warm"))
    folder.mkdir(exist_ok=True)
    held, python = folder / "held", folder / "python"
    with FileLock(folder / "lock"):
        if not held.exists():
            os.mkfifo(held)
        # this process alone has it open, and until it ends
        os.open(held, os.O_RDWR)
        if not _answers(folder / "server"):
            _start(folder, held)
    return str(python)


def _answers(address: Path) -> bool:
    """Whether there is a server. One ends with the last test run that holds it, though others may begin later."""
    with socket.socket(socket.AF_UNIX) as server:
        return server.connect_ex(str(address)) == 0


def _start(folder: Path, held: Path) -> None:
    address = folder / "server"
    address.unlink(missing_ok=True)
    environment = ENVIRONMENT | job_environment("", [], PINNED) | ONE_THREAD
    command = [sys.executable, "-I", str(HERE / "warm_server.py"), str(address)]
    with held.open("rb") as end:
        server = subprocess.Popen(command, stdin=end, env=environment, cwd=folder)
    while not address.exists():
        assert server.poll() is None
        time.sleep(0.01)
    python = folder / "python"
    for command in Path(sys.executable).parent.iterdir():
        (folder / command.name).unlink(missing_ok=True)
        if command.name != python.name:
            (folder / command.name).symlink_to(command)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {HERE}/warm_client.py {address} "$@"\n')
    python.chmod(0o755)

"""An environment whose `python` runs jobs in forks of a warm server (warm_server.py)."""

import atexit
import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from safelrm.dag.environment import PINNED, job_environment

HERE = Path(__file__).parent
# what the package sets before it imports torch or vLLM
ONE_THREAD = {"OMP_NUM_THREADS": "1", "TORCHDYNAMO_DISABLE": "1", "VLLM_LOGGING_LEVEL": "ERROR"}


@cache
def warm_python() -> str:
    """Path of the `python`, in a folder with the commands of this environment; its server is started once."""
    folder = Path(mkdtemp(prefix="warm"))
    address = folder / "server"
    environment = os.environ | job_environment("", [], PINNED) | ONE_THREAD
    command = [sys.executable, "-I", str(HERE / "warm_server.py"), str(address)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, cwd=folder)
    atexit.register(server.kill)
    while not address.exists():
        assert server.poll() is None
        time.sleep(0.01)
    for command in Path(sys.executable).parent.iterdir():
        (folder / command.name).symlink_to(command)
    python = folder / "python"
    python.unlink()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {HERE}/warm_client.py {address} "$@"\n')
    python.chmod(0o755)
    return str(python)

"""Asks math-verify whether two mathematical texts are equivalent, in bounded time and memory.

The first question starts a process (`worker.py`), which ends with this one. Questions and replies are JSON.
"""

import atexit
import json
import os
import subprocess
import sys
import threading
from functools import lru_cache

from safelrm.core.errors import SafeLRMError
from safelrm.judging.answers.worker import READY, serve

# of one question: seconds of processor time, which do not depend on what else the machine does, and bytes of address
# space, of which the libraries take 80 MB
SECONDS, MEMORY = 5, 2**30
# characters of a text; longer ones are no final answers
LONGEST = 1000
# answers repeat: a model's samples, the steps of RL
_KEPT = 4096


@lru_cache(maxsize=_KEPT)
def equivalent(given: str, wanted: str) -> bool:
    """Whether two texts, in LaTeX without its dollar signs, are equivalent.

    A text that is too long, that cannot be read, or that takes too much time or memory is equivalent to no other.

    Raises:
        SafeLRMError: math-verify cannot be asked.
    """
    if max(len(given), len(wanted)) > LONGEST:
        return False
    question = [f"${given}$", f"${wanted}$"]
    # the process itself is safe from questions; if somebody ended it, another one is asked
    reply = _WORKER.ask(question) or _WORKER.ask(question)
    if not reply:
        raise SafeLRMError("the process that asks math-verify ends at once", fix="install the environment: make env")
    return bool(json.loads(reply))


class _Worker:
    """The process, started when it is first asked, and again after it ended or this process was forked."""

    def __init__(self) -> None:
        self._lock, self._process, self._owner = threading.Lock(), None, None

    def ask(self, question: list[str]) -> str:
        """The reply, or nothing if the process has ended."""
        with self._lock:
            try:
                process = self._started()
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
                reply = process.stdout.readline()
            except OSError:
                reply = ""
            if not reply:
                self.end()
            return reply

    def end(self) -> None:
        """End the process. A fork of this process leaves it to its owner."""
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            process.kill()
            process.communicate()

    def _started(self) -> subprocess.Popen:
        if self._process is None or self._owner != os.getpid():
            environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"}
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"from {serve.__module__} import serve; serve({SECONDS}, {MEMORY})"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environment,
            )
            self._owner = os.getpid()
            if self._process.stdout.readline().strip() != READY:
                raise OSError
        return self._process


_WORKER = _Worker()
atexit.register(_WORKER.end)

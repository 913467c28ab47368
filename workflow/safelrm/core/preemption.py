"""Ending in good order when a cluster takes the machine away: SIGTERM, some time before SIGKILL."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

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

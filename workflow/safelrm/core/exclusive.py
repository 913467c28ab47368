"""Work that only one process may do at a time: a lock on a file, which ends with the process that holds it."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


class BusyError(Exception):
    """Another process holds the lock."""


@contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which is made for it and removed again.

    Where the file system knows no locks, a warning is all there is.

    Raises:
        BusyError: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = _lock(path)
    while stream is None:
        stream = _lock(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        stream.close()


def _lock(path: Path) -> IO[str] | None:
    """The open lock file; None if the process that held it has just removed it."""
    stream = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        raise BusyError from None
    except OSError as error:
        print(f"warning: {path} cannot be locked ({error.strerror}): run each job once at a time", file=sys.stderr)
    with suppress(FileNotFoundError):
        if os.path.samestat(path.stat(), os.fstat(stream.fileno())):
            return stream
    stream.close()
    return None

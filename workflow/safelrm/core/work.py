"""Partial state of a long job, so that a job that was killed goes on where it was.

Snakemake deletes the outputs of an incomplete job before it runs the job again, so partial state is no output. It
lies in `work/<stage>/<key>/` below the working directory. The key is a hash of all that the result depends on: the
command line, which holds the settings and the hash of the code, and the content of the input files. So state is
never used for another result, and two checkouts share none.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO

from safelrm.core.cli import stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import canonical_json, sha256
from safelrm.core.process import is_first_process

ROOT = Path("work")

_current: ContextVar[Path | None] = ContextVar("work folder", default=None)


def resumable_parser(description: str | None) -> argparse.ArgumentParser:
    """The argument parser of a stage with partial state, with `--settings` and `--code` already declared."""
    parser = stage_parser(description)
    parser.add_argument(
        "--code", default="", metavar="HASH", help="hash of the stage's code: state of other code is not used"
    )
    return parser


@contextmanager
def work_folder(stage: str, options: argparse.Namespace, inputs: Iterable[Path]) -> Iterator[Path]:
    """The folder for the partial state of one job, held by this process alone.

    Where several processes train together the first one holds it, and the others neither lock nor remove anything.

    It is removed when the block succeeds, since the job's outputs are complete then. Otherwise what is in it stays.

    Args:
        stage: name of the stage.
        options: all arguments of the stage's command line.
        inputs: the files that the job reads, in a fixed order; of a checkpoint its manifest.

    Raises:
        SafeLRMError: an input does not exist, or another process is at work on the same job.
    """
    folder = ROOT / stage / _key(options, inputs)
    if not is_first_process():
        yield folder
        return
    with _locked(folder.with_suffix(".lock")):
        folder.mkdir(exist_ok=True)
        _remove_unfinished(folder)
        token = _current.set(folder)
        try:
            yield folder
        except BaseException:
            if not any(folder.iterdir()):
                folder.rmdir()
            raise
        finally:
            _current.reset(token)
        shutil.rmtree(folder)


def current_folder() -> Path | None:
    """The folder for the partial state of the job at hand, for what has no other way of knowing it; or None."""
    return _current.get()


def drop(path: Path, reason: str) -> None:
    """Remove partial state that cannot be used, and say so on standard error."""
    print(f"warning: dropped the partial state {path}: {reason}", file=sys.stderr)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _key(options: argparse.Namespace, inputs: Iterable[Path]) -> str:
    arguments = {name: str(value) for name, value in vars(options).items()}
    try:
        contents = [sha256(path) for path in inputs]
    except OSError as error:
        raise SafeLRMError(
            f"cannot be read ({error.strerror})", file=error.filename, fix="run the rule that writes it"
        ) from None
    return hashlib.sha256(canonical_json([arguments, contents]).encode()).hexdigest()[:32]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
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
        raise SafeLRMError(
            "another process is at work on the same job",
            file=path,
            fix="wait for it, or end it: `fuser` with this file names it",
        ) from None
    except OSError as error:
        print(f"warning: {path} cannot be locked ({error.strerror}): run each job once at a time", file=sys.stderr)
    with suppress(FileNotFoundError):
        if os.path.samestat(path.stat(), os.fstat(stream.fileno())):
            return stream
    stream.close()
    return None


def _remove_unfinished(folder: Path) -> None:
    """Remove what atomic writes left behind when their process was killed."""
    for path in sorted(folder.rglob(".*")):
        shutil.rmtree(path, ignore_errors=True)

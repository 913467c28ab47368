"""Partial state of a long job, so that a job that was killed goes on where it was.

Snakemake deletes the outputs of an incomplete job before it runs the job again. So partial state is no output. The
state lies in `work/<stage>/<output>/<key>/` below the working directory. The key is a hash of all that the result
depends on: the command line, which holds the settings and the hash of the code, and the content of the input files. So
no state serves another result, and two checkouts share none.

A job that has ended keeps hard links to its outputs there, until Snakemake has ended well (`forget_ended`). Hard links
take no space. If Snakemake is killed before it has recorded that the job ended, it deletes the outputs and runs the job
again. The job then links its outputs back and computes nothing.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from safelrm.core.cli import stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path, canonical_json, remove_path, sha256, write_json
from safelrm.core.process import is_first_process

ROOT = Path("work")
LIST, ENDED = "outputs.json", "ended"
# a lock file that its holder has just removed must be made anew, which is a second attempt
LOCK_SECONDS = 0.2


def resumable_parser(description: str | None) -> argparse.ArgumentParser:
    """The argument parser of a stage with partial state. It declares `--settings` and `--code`."""
    parser = stage_parser(description)
    parser.add_argument(
        "--code",
        default=uuid4().hex,
        metavar="HASH",
        help="hash of the stage's code: state of other code is not used; without it a killed run begins anew",
    )
    return parser


def run_resumably(
    stage: str,
    options: argparse.Namespace,
    inputs: Iterable[Path],
    outputs: Sequence[Path],
    compute: Callable[[Path], None],
) -> None:
    """Run a job that keeps its partial state, or link its outputs back if it had ended already.

    At the end of the job the state is removed, with the state that other settings or code left for the same outputs.

    Args:
        stage: name of the stage.
        options: all arguments of the stage's command line.
        inputs: the files that the job reads, in a fixed order; for a checkpoint its manifest.
        outputs: files and folders that the job writes.
        compute: the job. Its argument is the folder for the state.

    Raises:
        SafeLRMError: an input does not exist, or another process is at work on the same job.
    """
    folder = ROOT / stage / str(outputs[0]).replace(os.sep, "+") / _key(options, inputs)
    if not is_first_process():
        # the first process of the job holds the lock and writes the outputs
        if not _has_ended(folder / ENDED):
            compute(folder)
        return
    try:
        with exclusively(folder):
            if not _linked_back(folder / ENDED):
                _compute(compute, folder)
                _keep(outputs, folder)
            _remove_others(folder)
    except Timeout as error:
        raise SafeLRMError(
            "another process is at work on the same job",
            file=error.lock_file,
            fix="wait for it, or end it: `fuser` with this file names it",
        ) from None


def drop(path: Path, reason: str) -> None:
    """Remove kept work that cannot be used, and say so on standard error."""
    print(f"warning: dropped {path}: {reason}", file=sys.stderr)
    remove_path(path)


def forget_ended() -> None:
    """Remove what ended jobs kept. Snakemake calls this once it has recorded the end of all of them."""
    for kept in sorted(ROOT.glob(f"*/*/*/{ENDED}")):
        with suppress(Timeout), exclusively(kept.parent):
            shutil.rmtree(kept.parent)
    for folder in sorted(ROOT.glob("*/*")):
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def exclusively(folder: Path) -> Iterator[None]:
    """Hold the lock of a job's folder. The lock ends with its process, even if the process is killed.

    Some network file systems know no locks. There, this function only prints a warning.

    Raises:
        Timeout: another process holds the lock.
    """
    file = folder.with_suffix(".lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    # a soft lock is a mere file, which outlives a killed process
    lock = FileLock(file, timeout=LOCK_SECONDS, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise
    except OSError as error:
        print(f"warning: {file} cannot be locked ({error.strerror}): run each job once at a time", file=sys.stderr)
    try:
        yield
    finally:
        # before the release: whoever waits for this file sees that it is gone, and makes a new one
        file.unlink(missing_ok=True)
        lock.release()


def _compute(compute: Callable[[Path], None], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    # what atomic writes left behind when their process was killed
    for path in sorted(folder.rglob(".*")):
        shutil.rmtree(path, ignore_errors=True)
    try:
        compute(folder)
    except BaseException:
        if not any(folder.iterdir()):
            folder.rmdir()
        raise


def _key(options: argparse.Namespace, inputs: Iterable[Path]) -> str:
    arguments = {name: str(value) for name, value in vars(options).items()}
    try:
        contents = [sha256(path) for path in inputs]
    except OSError as error:
        raise SafeLRMError(
            f"cannot be read ({error.strerror})", file=error.filename, fix="run the rule that writes it"
        ) from None
    return hashlib.sha256(canonical_json([arguments, contents]).encode()).hexdigest()[:32]


def _keep(outputs: Sequence[Path], folder: Path) -> None:
    """Replace the state with links to the outputs."""
    # in the order in which JSON lists them
    files = sorted((path for output in outputs for path in _files(output)), key=str)
    try:
        with atomic_path(folder / ENDED) as kept:
            kept.mkdir()
            for number, path in enumerate(files):
                os.link(path, kept / str(number))
            write_json(kept / LIST, {str(path): sha256(path) for path in files})
    except OSError as error:
        print(f"warning: {folder}: keeps no links to the outputs ({error.strerror})", file=sys.stderr)
    for path in folder.iterdir():
        if path.name != ENDED:
            remove_path(path)
    if not any(folder.iterdir()):
        folder.rmdir()


def _files(output: Path) -> list[Path]:
    return [path for path in output.rglob("*") if path.is_file()] if output.is_dir() else [output]


def _linked_back(kept: Path) -> bool:
    """Whether the job had ended. If so, its outputs are linked back to their places."""
    if not kept.exists():
        return False
    try:
        files = _kept_files(kept)
    except (OSError, ValueError) as error:
        drop(kept, f"it cannot be used ({error})")
        return False
    for number, path in enumerate(files):
        with atomic_path(path) as temporary:
            os.link(kept / str(number), temporary)
            os.utime(temporary)
    print("this job had ended before Snakemake recorded it: its outputs are linked back", flush=True)
    return True


def _has_ended(kept: Path) -> bool:
    """Whether the first process finds the job ended. All processes must look alike, or some wait for the others."""
    try:
        _kept_files(kept)
    except (OSError, ValueError):
        return False
    return True


def _kept_files(kept: Path) -> list[str]:
    """The outputs of a job that had ended, in the order of the links to them.

    Raises:
        OSError: the job keeps no outputs.
        ValueError: an output was changed.
    """
    hashes: dict[str, str] = json.loads((kept / LIST).read_text(encoding="utf-8"))
    for number, path in enumerate(hashes):
        if sha256(kept / str(number)) != hashes[path]:
            raise ValueError(f"{path} was changed since it was written")
    return [*hashes]


def _remove_others(folder: Path) -> None:
    """Remove the state of jobs for the same outputs with other settings, inputs or code."""
    for other in folder.parent.iterdir():
        if other.is_dir() and other != folder:
            with suppress(Timeout), exclusively(other):
                drop(other, "these outputs have been made with other settings, inputs or code")

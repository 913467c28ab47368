"""Partial state of a long job, so that a job that was killed goes on where it was.

Snakemake deletes the outputs of an incomplete job before it runs the job again, so partial state is no output. It
lies in `work/<stage>/<output>/<key>/` below the working directory. The key is a hash of all that the result depends on:
the command line, which holds the settings and the hash of the code, and the content of the input files. So state is
never used for another result, and two checkouts share none.

A job that has ended keeps hard links to its outputs there, which take no space, until Snakemake has ended well
(`forget_ended`). If Snakemake is killed before it has taken note of the job, it deletes the outputs and runs the job
again: then they are linked back.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from uuid import uuid4

from safelrm.core.cli import stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.exclusive import BusyError, exclusively
from safelrm.core.files import atomic_path, canonical_json, sha256, write_json
from safelrm.core.process import is_first_process

ROOT = Path("work")
LIST, ENDED = "outputs.json", "ended"

_current: ContextVar[Path | None] = ContextVar("work folder", default=None)


def resumable_parser(description: str | None) -> argparse.ArgumentParser:
    """The argument parser of a stage with partial state, with `--settings` and `--code` already declared."""
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

    When it has ended, the state is removed, and what other settings or code left for the same outputs.

    Args:
        stage: name of the stage.
        options: all arguments of the stage's command line.
        inputs: the files that the job reads, in a fixed order; of a checkpoint its manifest.
        outputs: files and folders that the job writes.
        compute: the job; it is given the folder for its state.

    Raises:
        SafeLRMError: an input does not exist, or another process is at work on the same job.
    """
    folder = ROOT / stage / str(outputs[0]).replace(os.sep, "+") / _key(options, inputs)
    if not is_first_process():
        # a worker beside the one that leads, which holds the lock and writes the outputs
        if not _has_ended(folder / ENDED):
            _run(compute, folder)
        return
    lock = _lock_of(folder)
    try:
        with exclusively(lock):
            if not _linked_back(folder / ENDED):
                _compute(compute, folder)
                _keep(outputs, folder)
            _remove_others(folder)
    except BusyError:
        raise SafeLRMError(
            "another process is at work on the same job",
            file=lock,
            fix="wait for it, or end it: `fuser` with this file names it",
        ) from None


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


def forget_ended() -> None:
    """Remove what ended jobs kept. For Snakemake, once it has taken note of all of them."""
    for kept in sorted(ROOT.glob(f"*/*/*/{ENDED}")):
        with suppress(BusyError), exclusively(_lock_of(kept.parent)):
            shutil.rmtree(kept.parent)
    _remove_empty_folders()


def _lock_of(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def _compute(compute: Callable[[Path], None], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    _remove_unfinished(folder)
    try:
        _run(compute, folder)
    except BaseException:
        if not any(folder.iterdir()):
            folder.rmdir()
        raise


def _run(compute: Callable[[Path], None], folder: Path) -> None:
    token = _current.set(folder)
    try:
        compute(folder)
    finally:
        _current.reset(token)


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
    """Put links to the outputs in the place of the state."""
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
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _files(output: Path) -> list[Path]:
    return [path for path in output.rglob("*") if path.is_file()] if output.is_dir() else [output]


def _linked_back(kept: Path) -> bool:
    """Whether the job had ended: then its outputs are where they belong."""
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
    print("this job had ended, before Snakemake took note of it: its outputs are linked back", flush=True)
    return True


def _has_ended(kept: Path) -> bool:
    """Whether the first process will find the job ended: it must look as closely, or one would wait for the others."""
    try:
        _kept_files(kept)
    except (OSError, ValueError):
        return False
    return True


def _kept_files(kept: Path) -> list[str]:
    """The outputs of a job that had ended, in the order of the links to them.

    Raises:
        OSError: there are none.
        ValueError: one was changed.
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
            with suppress(BusyError), exclusively(_lock_of(other)):
                drop(other, "these outputs have been made with other settings, inputs or code")


def _remove_unfinished(folder: Path) -> None:
    """Remove what atomic writes left behind when their process was killed."""
    for path in sorted(folder.rglob(".*")):
        shutil.rmtree(path, ignore_errors=True)


def _remove_empty_folders() -> None:
    for folder in sorted(ROOT.glob("*/*"), reverse=True):
        with suppress(OSError):
            folder.rmdir()

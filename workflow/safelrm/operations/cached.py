"""What lies in the cache: outputs of jobs, which Snakemake keeps, and answers of engines (inference/store.py).

Snakemake keeps the outputs of a job as files `<hash><ending>`, or `<hash>_<output's name><ending>` if the job has
several. It renames each file out of a temporary folder beside them. It keeps no list of users: outputs in a checkout
are links into the cache. Answers belong to a model, so a checkout uses them if it has the model.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from safelrm.core.checkpoints import MANIFEST, MODEL_FILES, listed_files
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import canonical_json, sha256
from safelrm.inference.store import ANSWERS, CONTEXT, read_context

# folders of a checkout that hold outputs of cached rules
LINKED = ("checkpoints", "rollouts", "results")

_FILE = re.compile(r"^(?P<key>[0-9a-f]{64})(_\w+)?(\.\w+)?$")
_MANIFEST = f"_{MANIFEST}"
_TRAINED = {_MANIFEST, "_curve.parquet", *(f"_{name}" for name in MODEL_FILES)}


@dataclass(frozen=True)
class Users:
    """What some checkouts use of a cache.

    Attributes:
        files: the files that they link to.
        models: the files of each model that they have, with their hashes, as JSON.
    """

    files: frozenset[Path]
    models: frozenset[str]


@dataclass(frozen=True)
class Entry:
    """The outputs of one job, or the answers of one model.

    Attributes:
        key: a hash of what it was made from.
        kind: "checkpoint", "table" or "answers".
        files: its files, in the cache.
        size: bytes.
        used: when a file was last read or written, in seconds since the epoch, as far as the file system says.
        linked: whether a checkout uses it.
        fault: why the entry is of no use; empty if no fault is known.
    """

    key: str
    kind: str
    files: tuple[Path, ...]
    size: int
    used: float
    linked: bool = False
    fault: str = ""


def users(checkouts: Iterable[Path], cache: Path) -> Users:
    """What the given checkouts use of a cache."""
    files, models = set(), set()
    for checkout in checkouts:
        files |= links(checkout, cache)
        for manifest in (checkout / "checkpoints").rglob(MANIFEST):
            # a link to nothing, or a damaged file, is no model
            with suppress(SafeLRMError, FileNotFoundError), _times_kept(manifest):
                models.add(canonical_json(listed_files(manifest)))
    return Users(frozenset(files), frozenset(models))


def links(checkout: Path, cache: Path) -> set[Path]:
    """Files of a cache that a checkout links to."""
    targets = (path.readlink() for folder in LINKED for path in (checkout / folder).rglob("*") if path.is_symlink())
    return {cache / target.name for target in targets if target.parent.resolve() == cache.resolve()}


def mend_links(checkout: Path, cache: Path) -> None:
    """Mend a checkout's links that lead nowhere, since Snakemake would stop at one.

    If the checkout or the cache was moved, a link is led to the entry in the cache. If the entry is gone, so is the
    link: its job runs again when its output is needed.
    """
    for folder in LINKED:
        for path in (checkout / folder).rglob("*"):
            if path.is_symlink() and not path.exists():
                entry, times = cache / path.readlink().name, path.lstat()
                path.unlink()
                if entry.exists():
                    path.symlink_to(entry)
                    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns), follow_symlinks=False)


def entries(cache: Path, used_by: Users) -> list[Entry]:
    """Every entry of a cache: outputs in order of their keys, then answers. Partial entries have a fault."""
    groups: dict[str, list[Path]] = {}
    for path in sorted(cache.iterdir()):
        if found := _FILE.match(path.name):
            groups.setdefault(found["key"], []).append(path)
    return [_outputs(key, files, used_by) for key, files in groups.items()] + [*_answers(cache, used_by)]


def _outputs(key: str, files: list[Path], used_by: Users) -> Entry:
    names = {path.name.removeprefix(key) for path in files}
    missing = sorted(name[1:] for name in _TRAINED - names) if names < _TRAINED else []
    return _entry(
        key,
        "checkpoint" if len(files) > 1 or files[0].stem != key else "table",
        files,
        linked=not used_by.files.isdisjoint(files),
        fault=f"partial: lacks {missing}" if missing else "",
    )


def _answers(cache: Path, used_by: Users) -> Iterator[Entry]:
    for folder in sorted((cache / ANSWERS).glob("*/*")):
        context = read_context(folder)
        yield _entry(
            folder.name,
            "answers",
            sorted(folder.iterdir()),
            linked=canonical_json(context.get("model")) in used_by.models,
            fault="" if context else "partial: does not say whose answers these are",
        )


def _entry(key: str, kind: str, files: list[Path], *, linked: bool, fault: str) -> Entry:
    found: dict[Path, os.stat_result] = {}
    for path in files:
        # another workflow may be replacing the file
        with suppress(FileNotFoundError):
            found[path] = path.stat()
    # this command itself reads contexts
    times = [max(status.st_mtime, status.st_atime) for path, status in found.items() if path.name != CONTEXT]
    used = max(times, default=0.0)
    return Entry(key, kind, tuple(found), sum(status.st_size for status in found.values()), used, linked, fault)


def damage(key: str, files: Iterable[Path]) -> str:
    """The first fault in the bytes of an entry; empty if there is none. Times of last use stay as they are.

    Args:
        key: the entry's key.
        files: the entry's files.
    """
    listed: dict[str, str] = {}
    # the manifest first, since it lists the others
    for path in sorted(files, key=lambda path: not path.name.endswith(_MANIFEST)):
        try:
            with _times_kept(path):
                if path.name.endswith(_MANIFEST):
                    listed = listed_files(path)
                elif path.suffix == ".parquet":
                    pq.ParquetFile(path, page_checksum_verification=True).read()
                elif listed.get(path.name.removeprefix(f"{key}_"), digest := sha256(path)) != digest:
                    raise ValueError("differs from its manifest")
        except (pa.ArrowException, OSError, ValueError, SafeLRMError) as error:
            reason = str(error).partition("\n")[0]
            return f"corrupt: {path.name}: {reason}"
    return ""


@contextmanager
def _times_kept(path: Path) -> Iterator[None]:
    """Within the block, reading a file of the cache is no use of it."""
    times = path.stat()
    try:
        yield
    finally:
        # only the owner may set times
        with suppress(OSError):
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

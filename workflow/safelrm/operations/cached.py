"""What lies in the cache: outputs of jobs, which Snakemake keeps, and answers of engines (inference/store.py).

Snakemake keeps the outputs of a job as files `<hash><ending>`, or `<hash>_<output's name><ending>` if the job has
several. It renames each file out of a temporary folder beside them. Beside each entry we write a list: the job's rule,
and the SHA-256 of each file (operations/patches.py). Snakemake keeps no list of users: outputs in a checkout are links
into the cache. Answers belong to a model, so a checkout uses them if it has the model.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from safelrm.core.checkpoints import MANIFEST, listed_files
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import canonical_json, sha256, write_json
from safelrm.inference.store import ANSWERS, CONTEXT, read_context

# folders of a checkout that hold outputs of cached rules
LINKED = ("checkpoints", "rollouts", "results")

_FILE = re.compile(r"^(?P<key>[0-9a-f]{64})(_\w+)?(\.\w+)?$")
_LIST = "_list.json"


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
        kind: the rule that made them, or "answers".
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


def write_list(cache: Path, key: str, rule: str, files: dict[str, Path]) -> Path:
    """Write the list of an entry that is about to be stored, and return its path.

    Args:
        cache: the folder.
        key: the entry's key.
        rule: the rule whose job made the files.
        files: where each file lies now, by its name in the cache.
    """
    path = list_of(cache, key)
    write_json(path, {"rule": rule, "files": {name: sha256(file) for name, file in files.items()}})
    return path


def list_of(cache: Path, key: str) -> Path:
    """Where the list of an entry lies."""
    return cache / f"{key}{_LIST}"


def _read_list(path: Path) -> tuple[str, dict[str, str]]:
    """The rule and the hashes; empty if there is no list, or a damaged one."""
    with suppress(OSError, ValueError, KeyError, TypeError), _times_kept(path):
        content = json.loads(path.read_text("utf-8"))
        return str(content["rule"]), dict(content["files"])
    return "", {}


def _outputs(key: str, files: list[Path], used_by: Users) -> Entry:
    path = list_of(files[0].parent, key)
    rule, listed = _read_list(path)
    missing = sorted(name.removeprefix(key).lstrip("_") for name in listed.keys() - {file.name for file in files})
    fault = f"partial: lacks {missing}" if missing else ""
    return _entry(
        key,
        rule or "outputs",
        files,
        linked=not used_by.files.isdisjoint(files),
        fault=fault if listed else "partial: has no list of its files",
    )


def _answers(cache: Path, used_by: Users) -> Iterator[Entry]:
    for folder in sorted((cache / ANSWERS).glob("*/*")):
        context = read_context(folder)
        yield _entry(
            folder.name,
            "answers",
            sorted(folder.iterdir()),
            # nobody can make the replies of an endpoint again
            linked="endpoint" in context or canonical_json(context.get("model")) in used_by.models,
            fault="" if context else "partial: does not say whose answers these are",
        )


def _entry(key: str, kind: str, files: list[Path], *, linked: bool, fault: str) -> Entry:
    found: dict[Path, os.stat_result] = {}
    for path in files:
        # another workflow may be replacing the file
        with suppress(FileNotFoundError):
            found[path] = path.stat()
    # this command itself reads contexts and lists
    described = (CONTEXT, _LIST)
    times = [
        max(status.st_mtime, status.st_atime) for path, status in found.items() if not path.name.endswith(described)
    ]
    used = max(times, default=0.0)
    return Entry(key, kind, tuple(found), sum(status.st_size for status in found.values()), used, linked, fault)


def damaged_outputs(files: Iterable[Path], listed: Path) -> str:
    """The first fault in the files of a job in the cache; empty if there is none. Times of last use stay as they are.

    Args:
        files: the files that should be there.
        listed: the entry's list.
    """
    _, hashes = _read_list(listed)
    if not hashes:
        return f"partial: {listed.name} is missing or damaged"
    for path in files:
        if path == listed:
            continue
        try:
            with _times_kept(path):
                if sha256(path) != hashes.get(path.name):
                    return f"corrupt: {path.name}: differs from {listed.name}"
        except OSError as error:
            return f"corrupt: {path.name}: {error.strerror}"
    return ""


def damaged_answers(files: Iterable[Path]) -> str:
    """The first fault in the tables of answers; empty if there is none. Times of last use stay as they are."""
    for path in files:
        try:
            if path.suffix == ".parquet":
                with _times_kept(path):
                    pq.ParquetFile(path, page_checksum_verification=True).read()
        except (pa.ArrowException, OSError, ValueError) as error:
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

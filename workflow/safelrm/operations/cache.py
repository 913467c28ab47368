"""What lies in Snakemake's cache between workflows, which of it may go, and how it goes.

Snakemake keeps the outputs of a job as files `<hash><ending>`, or `<hash>_<output's name><ending>` where there are
several, in one folder. It stores each by a rename out of a temporary folder beside them, and counts a job as cached
when all of its files are there. It keeps no list of who uses what: outputs in a checkout are links into the cache.

What is in Snakemake's cache between workflows, and what of it may go.

    python -m safelrm cache                                      report; the folder is $SNAKEMAKE_OUTPUT_CACHE
    python -m safelrm cache --checkouts . ~/other --idle-days 60 what would go: not used by these for 60 days
    python -m safelrm cache --to-gib 500 --delete                delete the longest unused until 500 GiB are left

Nothing is deleted without --delete. What the given checkouts link to stays, and so does what was used within a day;
partial entries go whenever something is deleted, and with --check, which reads every file, so do corrupt ones. An
entry that a checkout not given here links to is made again by that checkout's next run.
"""

import argparse
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from safelrm.core.checkpoints import MODEL_FILES
from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import sha256

# folders of a checkout that outputs of cached rules lie in
LINKED = ("checkpoints", "rollouts", "results")
DAY = 86400.0
# what a workflow may just be storing, or has just been given
SETTLED_DAYS = 1.0

_FILE = re.compile(r"^(?P<key>[0-9a-f]{64})(?P<name>_\w+)?(?P<ending>\.\w+)?$")
_TRAINED = {f"_{Path(name).stem}{Path(name).suffix}" for name in (*MODEL_FILES, "manifest.json", "curve.parquet")}


@dataclass(frozen=True)
class Entry:
    """The outputs of one job.

    Attributes:
        key: Snakemake's hash of what the job was made from.
        files: its files, in the cache.
        size: bytes.
        made: when its last file was written, in seconds since the epoch.
        used: when a file was last read or written, as far as the file system says.
        linked: whether a checkout that was looked at has a link to a file of it.
        fault: why nothing could be made of it; empty if nothing is known against it.
    """

    key: str
    files: tuple[Path, ...]
    size: int
    made: float
    used: float
    linked: bool = False
    fault: str = ""

    @property
    def kind(self) -> str:
        """What it is, as far as names say."""
        return "checkpoint" if len(self.files) > 1 or self.files[0].stem != self.key else "table"


def entries(cache: Path, linked: set[Path]) -> list[Entry]:
    """Every entry of a cache, with what its names tell against it.

    Args:
        cache: its folder.
        linked: files of it that checkouts link to (`links`).
    """
    groups: dict[str, list[tuple[Path, os.stat_result]]] = {}
    for path in cache.iterdir():
        if found := _FILE.match(path.name):
            # another workflow may be replacing it
            with suppress(FileNotFoundError):
                groups.setdefault(found["key"], []).append((path, path.stat()))
    return [_entry(key, sorted(files), linked) for key, files in sorted(groups.items())]


def _entry(key: str, files: list[tuple[Path, os.stat_result]], linked: set[Path]) -> Entry:
    paths = tuple(path for path, _ in files)
    endings = {path.name.removeprefix(key) for path in paths}
    missing = _TRAINED - endings if endings < _TRAINED else set()
    return Entry(
        key=key,
        files=paths,
        size=sum(status.st_size for _, status in files),
        made=max(status.st_mtime for _, status in files),
        used=max(max(status.st_mtime, status.st_atime) for _, status in files),
        linked=not linked.isdisjoint(paths),
        fault=f"partial: lacks {sorted(name[1:] for name in missing)}" if missing else "",
    )


def links(checkout: Path, cache: Path) -> set[Path]:
    """Files of a cache that a checkout has links to."""
    targets = (path.readlink() for folder in LINKED for path in (checkout / folder).rglob("*") if path.is_symlink())
    return {cache / target.name for target in targets if target.parent.resolve() == cache.resolve()}


def leftovers(cache: Path, now: float) -> list[Path]:
    """Temporary folders that a killed workflow has left in a cache."""
    old = now - SETTLED_DAYS * DAY
    return [path for path in cache.glob("tmp*") if path.is_dir() and path.stat().st_mtime < old]


def damage(entry: Entry) -> str:
    """Read an entry whole: what is wrong with its bytes, or nothing. When it was last used stays as it is."""
    times = {path: path.stat() for path in entry.files}
    try:
        return next(_damage(entry), "")
    finally:
        for path, status in times.items():
            # only the owner may set times
            with suppress(OSError):
                os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _damage(entry: Entry) -> Iterator[str]:
    files = {path.name.removeprefix(entry.key): path for path in entry.files}
    for path in entry.files:
        if path.suffix == ".parquet":
            try:
                pq.ParquetFile(path, page_checksum_verification=True).read()
            except (pa.ArrowException, OSError) as error:
                yield f"corrupt: {path.name}: {str(error).splitlines()[0]}"
    if "_manifest.json" in files:
        try:
            listed = dict(json.loads(files["_manifest.json"].read_text(encoding="utf-8"))["files"])
        except (OSError, ValueError, KeyError, TypeError):
            yield f"corrupt: {files['_manifest.json'].name}: not a manifest"
            return
        for name, expected in listed.items():
            path = files.get(f"_{Path(name).stem}{Path(name).suffix}")
            if path is not None and sha256(path) != expected:
                yield f"corrupt: {path.name}: differs from its manifest"


def removable(
    found: Iterable[Entry], now: float, *, idle_days: float | None = None, to_bytes: int | None = None
) -> list[Entry]:
    """The entries that may go: never one that is linked, or younger than `SETTLED_DAYS` by its last use.

    Args:
        found: all entries of a cache.
        now: seconds since the epoch.
        idle_days: of sound entries, those not used for longer than that go; none: not for their age.
        to_bytes: sound entries go, least recently used first, until all that stay are no larger; none: any size.
    """
    found = list(found)
    free = [entry for entry in found if not entry.linked and now - entry.used > SETTLED_DAYS * DAY]
    going = [entry for entry in free if entry.fault or (idle_days is not None and now - entry.used > idle_days * DAY)]
    gone = {entry.key for entry in going}
    size = sum(entry.size for entry in found) - sum(entry.size for entry in going)
    for entry in sorted(free, key=lambda entry: (entry.used, entry.key)):
        if to_bytes is not None and size > to_bytes and entry.key not in gone:
            going.append(entry)
            size -= entry.size
    return going


def remove(entry: Entry, cache: Path, checkouts: Iterable[Path]) -> bool:
    """Take an entry out of a cache, unless a checkout has come to link to it meanwhile.

    Its files are renamed out of the way, so that no workflow is given a part of it, before the checkouts are looked at
    once more; only then are they deleted.

    Returns:
        Whether it is gone.
    """
    aside = Path(tempfile.mkdtemp(prefix="tmp", dir=cache))
    for path in entry.files:
        # another process may be pruning as well
        with suppress(FileNotFoundError):
            path.rename(aside / path.name)
    wanted = set().union(*(links(checkout, cache) for checkout in checkouts)) & set(entry.files)
    if wanted:
        for path in aside.iterdir():
            path.rename(cache / path.name)
    shutil.rmtree(aside)
    return not wanted


VARIABLE = "SNAKEMAKE_OUTPUT_CACHE"
GIB = 2**30


def report(found: list[Entry], going: list[Entry], now: float) -> list[str]:
    """One line per entry, the longest unused first, and one for all."""
    lines = [f"{'entry':<14}{'what':<12}{'MiB':>10}{'made':>8}{'used':>8}   days ago"]
    marked = {entry.key for entry in going}
    for entry in sorted(found, key=lambda entry: entry.used):
        days = f"{(now - entry.made) / DAY:8.1f}{(now - entry.used) / DAY:8.1f}"
        notes = [entry.fault, "linked" if entry.linked else "", "to go" if entry.key in marked else ""]
        text = (
            f"{entry.key[:12]:<14}{entry.kind:<12}{entry.size / 2**20:10.1f}{days}   {'; '.join(filter(None, notes))}"
        )
        lines.append(text.rstrip())
    linked = [entry for entry in found if entry.linked]
    parts = [("", found), (", linked ", linked), (", to go ", going)]
    return [*lines, "".join(f"{title}{len(part)} entries {_gib(part)}" for title, part in parts)]


def _gib(found: list[Entry]) -> str:
    return f"{sum(entry.size for entry in found) / GIB:.2f} GiB"


def checked(found: list[Entry]) -> list[Entry]:
    """The entries, with what reading them whole tells against them."""
    return [entry if entry.fault else replace(entry, fault=damage(entry)) for entry in found]


def prune(cache: Path, going: list[Entry], checkouts: list[Path], now: float) -> str:
    """Delete entries and what killed workflows have left, and say how many.

    Raises:
        SafeLRMError: the folder is not writable.
    """
    try:
        gone = [entry for entry in going if remove(entry, cache, checkouts)]
    except PermissionError as error:
        raise SafeLRMError(f"cannot be deleted ({error})", file=cache, fix="ask its owner, docs/storage.md") from error
    old = leftovers(cache, now)
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return f"deleted {len(gone)} entries {_gib(gone)}, and {len(old)} unfinished leftovers"


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--cache", type=Path, default=os.environ.get(VARIABLE), help=f"folder; ${VARIABLE}")
    parser.add_argument("--checkouts", type=Path, nargs="+", default=[Path()], help="whose links are kept; here")
    parser.add_argument("--idle-days", type=float, help="what is not used for longer goes")
    parser.add_argument("--to-gib", type=float, help="the longest unused goes until no more is left")
    parser.add_argument("--check", action="store_true", help="read every file, to find what is corrupt")
    parser.add_argument("--delete", action="store_true", help="do it, instead of telling what would go")
    return parser


def main() -> None:
    """Run the command.

    Raises:
        SafeLRMError: there is no cache, or a checkout that was named is none.
    """
    options = arguments().parse_args()
    if options.cache is None or not options.cache.is_dir():
        raise SafeLRMError("there is no such folder", file=options.cache, key="--cache", fix=f"set {VARIABLE}")
    for checkout in options.checkouts:
        if not (checkout / "Snakefile").is_file():
            raise SafeLRMError("not a checkout", file=checkout, key="--checkouts", fix="name the folder of a Snakefile")
    cache, now = options.cache.resolve(), time.time()
    linked = set().union(*(links(checkout, cache) for checkout in options.checkouts))
    found = entries(cache, linked)
    if options.check:
        found = checked(found)
    to_bytes = None if options.to_gib is None else round(options.to_gib * GIB)
    going = removable(found, now, idle_days=options.idle_days, to_bytes=to_bytes)
    print("\n".join(report(found, going, now)))
    if options.delete:
        print(prune(cache, going, options.checkouts, now))


if __name__ == "__main__":
    run(main)

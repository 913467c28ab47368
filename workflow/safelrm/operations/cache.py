"""What lies in Snakemake's cache between workflows, and what of it may go.

    python -m safelrm cache                                      report; the folder is $SNAKEMAKE_OUTPUT_CACHE
    python -m safelrm cache --checkouts . ~/other --idle-days 60 what would go: not used for 60 days
    python -m safelrm cache --to-gib 500 --delete                delete the longest unused until 500 GiB are left

Nothing is deleted without --delete. What the given checkouts link to stays, and so does what was used within a day.
Partial entries go whenever something is deleted. With --check the command reads every file, and corrupt entries go too.
If another checkout links to an entry that went, that checkout's next run makes the entry again.

Snakemake keeps the outputs of a job as files `<hash><ending>`, or `<hash>_<output's name><ending>` if the job has
several. It renames each file out of a temporary folder beside them, and takes a job from the cache if all of its files
are there. It keeps no list of users: outputs in a checkout are links into the cache.
"""

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from safelrm.core.checkpoints import MODEL_FILES
from safelrm.core.cli import command_parser, run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import sha256

VARIABLE = "SNAKEMAKE_OUTPUT_CACHE"
# folders of a checkout that hold outputs of cached rules
LINKED = ("checkpoints", "rollouts", "results")
DAY, GIB = 86400.0, 2**30
# a workflow may be storing a younger entry, or may have just been given it
SETTLED_DAYS = 1.0

_FILE = re.compile(r"^(?P<key>[0-9a-f]{64})(_\w+)?(\.\w+)?$")
_MANIFEST = "_manifest.json"
_TRAINED = {_MANIFEST, "_curve.parquet", *(f"_{name}" for name in MODEL_FILES)}


@dataclass(frozen=True)
class Entry:
    """The outputs of one job.

    Attributes:
        key: Snakemake's hash of what the job was made from.
        files: its files, in the cache.
        size: bytes.
        used: when a file was last read or written, in seconds since the epoch, as far as the file system says.
        linked: whether a checkout links to a file of the entry.
        fault: why the entry is of no use; empty if no fault is known.
    """

    key: str
    files: tuple[Path, ...]
    size: int
    used: float
    linked: bool = False
    fault: str = ""

    @property
    def kind(self) -> str:
        """What the entry is, judged by the names of its files."""
        return "checkpoint" if len(self.files) > 1 or self.files[0].stem != self.key else "table"


def entries(cache: Path, linked: set[Path]) -> list[Entry]:
    """Every entry of a cache, in order of its key. Partial entries have a fault.

    Args:
        cache: the folder.
        linked: its files that checkouts link to (`links`).
    """
    groups: dict[str, dict[Path, os.stat_result]] = {}
    for path in sorted(cache.iterdir()):
        if found := _FILE.match(path.name):
            # another workflow may be replacing the file
            with suppress(FileNotFoundError):
                groups.setdefault(found["key"], {})[path] = path.stat()
    return [_entry(key, files, linked) for key, files in groups.items()]


def _entry(key: str, files: dict[Path, os.stat_result], linked: set[Path]) -> Entry:
    names = {path.name.removeprefix(key) for path in files}
    missing = sorted(name[1:] for name in _TRAINED - names) if names < _TRAINED else []
    return Entry(
        key=key,
        files=tuple(files),
        size=sum(status.st_size for status in files.values()),
        used=max(max(status.st_mtime, status.st_atime) for status in files.values()),
        linked=not linked.isdisjoint(files),
        fault=f"partial: lacks {missing}" if missing else "",
    )


def links(checkout: Path, cache: Path) -> set[Path]:
    """Files of a cache that a checkout links to."""
    targets = (path.readlink() for folder in LINKED for path in (checkout / folder).rglob("*") if path.is_symlink())
    return {cache / target.name for target in targets if target.parent.resolve() == cache.resolve()}


def leftovers(cache: Path, now: float) -> list[Path]:
    """Temporary folders that killed workflows have left in a cache."""
    old = now - SETTLED_DAYS * DAY
    return [path for path in cache.glob("tmp*") if path.is_dir() and path.stat().st_mtime < old]


def damage(entry: Entry) -> str:
    """The first fault in the bytes of an entry; empty if there is none. Times of last use stay as they are."""
    listed: dict[str, str] = {}
    # the manifest first, since it lists the others
    for path in sorted(entry.files, key=lambda path: not path.name.endswith(_MANIFEST)):
        times = path.stat()
        try:
            if path.name.endswith(_MANIFEST):
                listed = dict(json.loads(path.read_bytes())["files"])
            elif path.suffix == ".parquet":
                pq.ParquetFile(path, page_checksum_verification=True).read()
            elif listed.get(path.name.removeprefix(f"{entry.key}_"), digest := sha256(path)) != digest:
                raise ValueError("differs from its manifest")
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
            reason = str(error).partition("\n")[0]
            return f"corrupt: {path.name}: {reason}"
        finally:
            # only the owner may set times
            with suppress(OSError):
                os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return ""


def removable(
    found: Iterable[Entry], now: float, *, idle_days: float | None = None, to_bytes: int | None = None
) -> list[Entry]:
    """The entries that may go. A linked entry never goes, nor one that was used within `SETTLED_DAYS`.

    Args:
        found: all entries of a cache.
        now: seconds since the epoch.
        idle_days: sound entries go that were not used for longer than that; None: age does not matter.
        to_bytes: sound entries go, the least recently used first, until what stays is no larger; None: any size.
    """
    found = sorted(found, key=lambda entry: (entry.used, entry.key))
    free = [entry for entry in found if not entry.linked and now - entry.used > SETTLED_DAYS * DAY]
    going = [entry for entry in free if entry.fault or (idle_days is not None and now - entry.used > idle_days * DAY)]
    gone = {entry.key for entry in going}
    size = sum(entry.size for entry in found if entry.key not in gone)
    for entry in free:
        if to_bytes is not None and size > to_bytes and entry.key not in gone:
            going.append(entry)
            size -= entry.size
    return going


def remove(entry: Entry, cache: Path, checkouts: Iterable[Path]) -> bool:
    """Take an entry out of a cache, unless a checkout has linked to it meanwhile, and return whether it is gone.

    The files are first renamed out of the way, so that no workflow is given a part of them. Then the checkouts are
    looked at once more. Only then are the files deleted.
    """
    aside = Path(tempfile.mkdtemp(prefix="tmp", dir=cache))
    for path in entry.files:
        # another process may be pruning as well
        with suppress(FileNotFoundError):
            path.rename(aside / path.name)
    wanted = any(not links(checkout, cache).isdisjoint(entry.files) for checkout in checkouts)
    if wanted:
        for path in aside.iterdir():
            path.rename(cache / path.name)
    shutil.rmtree(aside)
    return not wanted


def report(found: list[Entry], going: list[Entry], now: float) -> list[str]:
    """One line for each entry, the longest unused first, and one line for all."""
    lines = [f"{'entry':<14}{'what':<12}{'MiB':>10}{'unused':>9} days"]
    for entry in sorted(found, key=lambda entry: entry.used):
        numbers = f"{entry.size / 2**20:10.1f}{(now - entry.used) / DAY:9.1f}"
        notes = [entry.fault, "linked" if entry.linked else "", "to go" if entry in going else ""]
        lines.append(f"{entry.key[:12]:<14}{entry.kind:<12}{numbers}   {'; '.join(filter(None, notes))}".rstrip())
    linked = [entry for entry in found if entry.linked]
    return [*lines, f"{_total(found)}, linked {_total(linked)}, to go {_total(going)}"]


def _total(found: list[Entry]) -> str:
    return f"{len(found)} entries {sum(entry.size for entry in found) / GIB:.2f} GiB"


def main() -> None:
    """Run the command.

    Raises:
        SafeLRMError: there is no cache, a folder is not a checkout, or the cache is not writable.
    """
    parser = command_parser(__doc__)
    parser.add_argument("--cache", type=Path, default=os.environ.get(VARIABLE), help=f"folder; ${VARIABLE}")
    parser.add_argument("--checkouts", type=Path, nargs="+", default=[Path()], help="whose links are kept; here")
    parser.add_argument("--idle-days", type=float, help="entries go that were not used for longer")
    parser.add_argument("--to-gib", type=float, help="the longest unused entries go until no more is left")
    parser.add_argument("--check", action="store_true", help="read every file, to find corrupt ones")
    parser.add_argument("--delete", action="store_true", help="delete, instead of saying what would go")
    options = parser.parse_args()
    if options.cache is None or not options.cache.is_dir():
        raise SafeLRMError("there is no such folder", file=options.cache, key="--cache", fix=f"set {VARIABLE}")
    for checkout in options.checkouts:
        if not (checkout / "Snakefile").is_file():
            raise SafeLRMError("not a checkout", file=checkout, key="--checkouts", fix="name the folder of a Snakefile")
    cache, now = options.cache.resolve(), time.time()
    found = entries(cache, set().union(*(links(checkout, cache) for checkout in options.checkouts)))
    if options.check:
        found = [entry if entry.fault else replace(entry, fault=damage(entry)) for entry in found]
    to_bytes = None if options.to_gib is None else round(options.to_gib * GIB)
    going = removable(found, now, idle_days=options.idle_days, to_bytes=to_bytes)
    print("\n".join(report(found, going, now)))
    if not options.delete:
        return
    try:
        gone = [entry for entry in going if remove(entry, cache, options.checkouts)]
    except PermissionError as error:
        raise SafeLRMError(f"cannot be deleted ({error})", file=cache, fix="ask its owner, docs/storage.md") from error
    old = leftovers(cache, now)
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"deleted {_total(gone)}, and {len(old)} unfinished leftovers")


if __name__ == "__main__":
    run(main)

"""What lies in the cache, and what of it may go: outputs of jobs, and answers of engines.

    python -m safelrm cache                                      report; the folder is `cache`, or the variable's
    python -m safelrm cache --checkouts . ~/other --idle-days 60 what would go: not used for 60 days
    python -m safelrm cache --to-gib 500 --delete                delete the longest unused until 500 GiB are left

Nothing is deleted without --delete. What the given checkouts use stays, and so does what was used within a day.
Partial entries go whenever something is deleted. With --check the command reads every file, and corrupt entries go too.
If another checkout uses an entry that went, that checkout's next run makes the entry again.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from safelrm.core.cli import command_parser, run
from safelrm.core.errors import SafeLRMError
from safelrm.core.process import CACHE
from safelrm.operations.cached import Entry, damaged_answers, damaged_outputs, entries, links, list_of, users

DAY, GIB = 86400.0, 2**30
# a workflow may be storing a younger entry, or may have just been given it
SETTLED_DAYS = 1.0


def leftovers(cache: Path, now: float) -> list[Path]:
    """Temporary folders that killed workflows have left in a cache."""
    old = now - SETTLED_DAYS * DAY
    return [path for path in cache.glob("tmp*") if path.is_dir() and path.stat().st_mtime < old]


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
        for path in entry.files:
            with suppress(FileNotFoundError):
                (aside / path.name).rename(path)
    shutil.rmtree(aside)
    for folder in {path.parent for path in entry.files} - {cache}:
        # a job may have answers again
        with suppress(OSError):
            folder.rmdir()
    return not wanted


def report(found: list[Entry], going: list[Entry], now: float) -> list[str]:
    """One line for each entry, the longest unused first, and one line for all."""
    lines = [f"{'entry':<14}{'what':<12}{'MiB':>10}{'unused':>9} days"]
    for entry in sorted(found, key=lambda entry: entry.used):
        numbers = f"{entry.size / 2**20:10.1f}{(now - entry.used) / DAY:9.1f}"
        notes = [entry.fault, "in use" if entry.linked else "", "to go" if entry in going else ""]
        lines.append(f"{entry.key[:12]:<14}{entry.kind:<12}{numbers}   {'; '.join(filter(None, notes))}".rstrip())
    linked = [entry for entry in found if entry.linked]
    return [*lines, f"{_total(found)}, in use {_total(linked)}, to go {_total(going)}"]


def _damage(entry: Entry, cache: Path) -> str:
    if entry.kind == "answers":
        return damaged_answers(entry.files)
    return damaged_outputs(entry.files, list_of(cache, entry.key))


def _total(found: list[Entry]) -> str:
    return f"{len(found)} entries {sum(entry.size for entry in found) / GIB:.2f} GiB"


def main() -> None:
    """Run the command.

    Raises:
        SafeLRMError: there is no cache, a folder is not a checkout, or the cache is not writable.
    """
    parser = command_parser(__doc__)
    default = os.environ.get(CACHE, "cache")
    parser.add_argument("--cache", type=Path, default=default, help=f"folder; ${CACHE}, or else `cache` here")
    parser.add_argument("--checkouts", type=Path, nargs="+", default=[Path()], help="whose links are kept; here")
    parser.add_argument("--idle-days", type=float, help="entries go that were not used for longer")
    parser.add_argument("--to-gib", type=float, help="the longest unused entries go until no more is left")
    parser.add_argument("--check", action="store_true", help="read every file, to find corrupt ones")
    parser.add_argument("--delete", action="store_true", help="delete, instead of saying what would go")
    options = parser.parse_args()
    if not options.cache.is_dir():
        raise SafeLRMError("there is no such folder", file=options.cache, key="--cache", fix=f"set {CACHE}")
    for checkout in options.checkouts:
        if not (checkout / "Snakefile").is_file():
            raise SafeLRMError("not a checkout", file=checkout, key="--checkouts", fix="name the folder of a Snakefile")
    cache, now = options.cache.resolve(), time.time()
    found = entries(cache, users(options.checkouts, cache))
    if options.check:
        found = [entry if entry.fault else replace(entry, fault=_damage(entry, cache)) for entry in found]
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

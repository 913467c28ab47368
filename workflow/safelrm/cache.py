"""What is in Snakemake's cache between workflows, and what of it may go.

    python -m safelrm.cache                                      report; the folder is $SNAKEMAKE_OUTPUT_CACHE
    python -m safelrm.cache --checkouts . ~/other --idle-days 60 what would go: not used by these for 60 days
    python -m safelrm.cache --to-gib 500 --delete                delete the longest unused until 500 GiB are left

Nothing is deleted without --delete. What the given checkouts link to stays, and so does what was used within a day;
partial entries go whenever something is deleted, and with --check, which reads every file, so do corrupt ones. An
entry that a checkout not given here links to is made again by that checkout's next run.
"""

import argparse
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.output_cache import DAY, Entry, damage, entries, leftovers, links, removable, remove

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

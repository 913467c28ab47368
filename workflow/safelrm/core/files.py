"""Writing files completely or not at all, and hashing them."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical_json(value: object) -> str:
    """JSON text that does not depend on the order of keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def how_to_drop(path: str | Path, *beside: Path) -> str:
    """How a user gets a damaged output made anew, as an instruction.

    Args:
        path: the damaged file. If it is a link, its entry in the cache between workflows must go too.
        beside: outputs of the same job that other rules depend on. Snakemake looks for these alone.
    """
    path = Path(path)
    names = " ".join(str(name) for name in (path, *beside))
    if path.is_symlink():
        return f"it is an entry of the cache between workflows: rm {path.resolve()} {names}, then run again"
    return f"rm {names}, then run again, so that its rule writes it anew"


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path that replaces `path` (a file or a folder) when the block succeeds.

    On an error the temporary path is removed and `path` stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    # the name keeps its suffix: matplotlib and others choose their format by it
    made = work / "new" / path.name
    made.parent.mkdir()
    try:
        yield made
        if not made.exists():
            raise FileNotFoundError(f"nothing was written that could become {path}")
        if path.is_dir():
            # a folder cannot be replaced in one step: these two moves are the quickest way
            path.rename(work / "old")
        made.replace(path)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def remove_path(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: object) -> None:
    """Write indented JSON with sorted keys atomically."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")

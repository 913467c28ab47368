"""Snapshots of a training run: folders `checkpoint-<step>`, of which only complete and undamaged ones are used.

Libraries write a snapshot file by file, and a kill may stop them anywhere. A snapshot counts once it is sealed, which
means that it holds a list of its files with their SHA-256.
"""

import json
import shutil
from pathlib import Path

from safelrm.core.files import sha256, write_json
from safelrm.core.work import drop

SEAL = "sealed.json"
PREFIX = "checkpoint-"


def snapshot_path(folder: Path, step: int) -> Path:
    """The snapshot of a step; the name is that of transformers' Trainer."""
    return folder / f"{PREFIX}{step}"


def seal(snapshot: Path) -> None:
    """Mark a snapshot as complete, and remove all others of its run."""
    write_json(snapshot / SEAL, _hashes(snapshot))
    for other in snapshot.parent.glob(f"{PREFIX}*"):
        if other != snapshot:
            shutil.rmtree(other)


def newest_step(folder: Path) -> int:
    """The step of the latest usable snapshot, 0 without one. Unusable ones are dropped, with a message."""
    steps = sorted(int(path.name.removeprefix(PREFIX)) for path in folder.glob(f"{PREFIX}*"))
    while steps and not _is_sealed(path := snapshot_path(folder, steps[-1])):
        drop(path, "its files are not those that were written, or not all of them")
        steps.pop()
    return steps[-1] if steps else 0


def _is_sealed(snapshot: Path) -> bool:
    try:
        return bool(json.loads((snapshot / SEAL).read_text(encoding="utf-8")) == _hashes(snapshot))
    except (OSError, ValueError):
        return False


def _hashes(snapshot: Path) -> dict[str, str]:
    files = sorted(path for path in snapshot.rglob("*") if path.is_file() and path.name != SEAL)
    return {str(path.relative_to(snapshot)): sha256(path) for path in files}

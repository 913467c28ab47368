"""Snapshots of a training run: folders `checkpoint-<step>`, of which only complete and undamaged ones are used.

A snapshot is written file by file, by libraries that a kill may stop anywhere. It counts once it is sealed:
once it holds a list of its files with their SHA-256.
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


def snapshot_step(snapshot: Path) -> int:
    """The step of a snapshot."""
    return int(snapshot.name.removeprefix(PREFIX))


def seal(snapshot: Path) -> None:
    """Mark a snapshot as complete, and remove all others of its run."""
    write_json(snapshot / SEAL, _hashes(snapshot))
    for other in _snapshots(snapshot.parent):
        if other != snapshot:
            shutil.rmtree(other)


def newest_snapshot(folder: Path) -> Path | None:
    """The latest usable snapshot; those that are half-written or damaged are dropped, with a message."""
    for snapshot in _snapshots(folder):
        fault = _fault(snapshot)
        if fault is None:
            return snapshot
        drop(snapshot, fault)
    return None


def _snapshots(folder: Path) -> list[Path]:
    """All snapshots, the latest first."""
    return sorted(folder.glob(f"{PREFIX}*"), key=snapshot_step, reverse=True)


def _hashes(snapshot: Path) -> dict[str, str]:
    files = sorted(path for path in snapshot.rglob("*") if path.is_file() and path.name != SEAL)
    return {str(path.relative_to(snapshot)): sha256(path) for path in files}


def _fault(snapshot: Path) -> str | None:
    try:
        expected = json.loads((snapshot / SEAL).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "it is not complete"
    except (OSError, ValueError) as error:
        return f"its list of files cannot be read ({error})"
    return None if _hashes(snapshot) == expected else "its files are not those that were written"

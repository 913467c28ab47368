"""Manifests: the SHA-256 of each file of a folder, checked before the folder is used."""

import json
from pathlib import Path

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import how_to_drop, sha256


def file_names(folder: Path) -> list[str]:
    """Paths of the files below a folder, sorted; hidden ones are others' bookkeeping and left out."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in paths if not any(part.startswith(".") for part in path.parts))


def verify(folder: Path, manifest: Path) -> dict[str, object]:
    """Check each file of a folder against a manifest, and return what the manifest says.

    Raises:
        SafeLRMError: the manifest is unreadable, or a file is missing, differs or is not listed.
    """
    remedy = f"remove {manifest.parent} and run again"
    try:
        content = dict(json.loads(manifest.read_text(encoding="utf-8")))
        files: dict[str, str] = dict(content["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SafeLRMError(f"not a readable manifest ({error})", file=manifest, fix=remedy) from error
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise SafeLRMError("listed in the manifest, but missing", file=path, fix=remedy)
        if sha256(path) != expected:
            raise SafeLRMError(
                "differs from the manifest: corrupt or edited", file=path, fix=how_to_drop(path, manifest)
            )
    # a stale file may be loaded along with the others
    unlisted = [name for name in file_names(folder) if name not in files and folder / name != manifest]
    if unlisted:
        raise SafeLRMError("not listed in the manifest", file=folder / unlisted[0], fix=remedy)
    return content

"""What was fetched from a hub: files, and `manifest.json` beside them with their origin and the SHA-256 of each."""

from pathlib import Path

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import sha256, write_json
from safelrm.core.manifests import verify


def write_download(manifest: Path, origin: dict[str, str], names: list[str]) -> None:
    """Write the manifest of files beside it.

    Args:
        manifest: the file to write.
        origin: what the files are a copy of.
        names: the files.
    """
    write_json(manifest, origin | {"files": {name: sha256(manifest.parent / name) for name in sorted(names)}})


def verified_download(manifest: Path, revision: str | None) -> Path:
    """The folder of a manifest, after checking each file against it.

    Raises:
        SafeLRMError: the manifest is unreadable or of another revision, or a file is missing, differs or is not listed.
    """
    found = verify(manifest.parent, manifest).get("revision")
    if found != revision:
        raise SafeLRMError(
            f"is of revision {found}, the configuration says {revision}",
            file=manifest,
            fix=f"rm {manifest}, then fetch it again: snakemake --cores 1 fetch_all",
        )
    return manifest.parent

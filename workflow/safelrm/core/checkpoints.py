"""Manifests: the SHA-256 of each file of a folder, checked before the folder is used.

Checkpoints: a folder of model files and a manifest beside it with the SHA-256 of each.

`<run>/manifest.json` lists the files of `<run>/model/`, which are `MODEL_FILES`: each is an output of its rule, so
that Snakemake's cache between workflows can hold them. Later stages depend on the manifest,
which is small and holds no times, so that equal weights are equal inputs.

What was fetched from a hub: files, and `manifest.json` beside them with their origin and the SHA-256 of each.
"""

import json
from pathlib import Path

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import how_to_drop, sha256, write_json


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


MODEL_FILES = (
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
)


def model_folder(manifest: Path) -> Path:
    """The folder of the model files that a manifest describes."""
    return manifest.parent / "model"


def write_manifest(manifest: str | Path) -> None:
    """Write the manifest of the folder `model` beside it.

    Raises:
        SafeLRMError: the files of the folder are not `MODEL_FILES`.
    """
    manifest = Path(manifest)
    folder = model_folder(manifest)
    names = file_names(folder)
    if names != list(MODEL_FILES):
        raise SafeLRMError(
            f"holds {names}, but a model is {list(MODEL_FILES)}",
            file=folder,
            fix="this is a fault of the stage that makes the model",
        )
    write_json(manifest, {"files": {name: sha256(folder / name) for name in names}})


def verified_model(manifest: str | Path) -> Path:
    """The model folder that a manifest describes, after checking each file against it.

    Raises:
        SafeLRMError: the manifest is unreadable, or a file is missing, differs or is not listed.
    """
    manifest = Path(manifest)
    folder = model_folder(manifest)
    verify(folder, manifest)
    return folder


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

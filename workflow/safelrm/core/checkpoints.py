"""Manifests: the SHA-256 of each file of a folder. Later stages depend on the manifest and verify what they load.

Two kinds of folder have a manifest:

checkpoints    `<run>/manifest.json` lists the files of `<run>/model/`, which are `MODEL_FILES`. Each file is an output
               of its rule, so that Snakemake's cache between workflows can hold it. The manifest holds no times, so
               that equal weights are equal inputs.
downloads      files from a hub. `manifest.json` beside them also says where they come from.
"""

import json
from pathlib import Path

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import how_to_drop, sha256, write_json

MANIFEST = "manifest.json"
MODEL_FILES = (
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
)
# of a classifier of completions: its own weights, and those of its encoder
CLASSIFIER_FILES = (
    "classifier.safetensors",
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
)
# what a training writes beside `model/` if it keeps its adapter
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


def model_folder(manifest: Path) -> Path:
    """The folder of the model files that a manifest describes."""
    return manifest.parent / "model"


def adapter_folder(manifest: Path) -> Path:
    """The folder of the adapter that a training keeps beside the model files of a manifest."""
    return manifest.parent / "adapter"


def model_files(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a model folder, as the manifest beside it lists them.

    Raises:
        SafeLRMError: the manifest is unreadable.
    """
    return listed_files(folder.parent / MANIFEST)


def listed_files(manifest: Path) -> dict[str, str]:
    """The SHA-256 of each file that a manifest lists.

    Raises:
        SafeLRMError: the manifest is unreadable.
    """
    return _listed(manifest, remedy=f"remove {manifest.parent} and run again")[1]


def write_manifest(manifest: str | Path) -> None:
    """Write the manifest of the folder `model` beside it.

    Raises:
        SafeLRMError: the files of the folder are not `MODEL_FILES`.
    """
    manifest = Path(manifest)
    folder = model_folder(manifest)
    names = relative_files(folder)
    if names != list(MODEL_FILES):
        raise SafeLRMError(
            f"holds {names}, but a model is {list(MODEL_FILES)}",
            file=folder,
            fix="this is a fault of the stage that makes the model",
        )
    write_json(manifest, {"files": {name: sha256(folder / name) for name in names}})


def verified_model(manifest: str | Path) -> Path:
    """The model folder that a manifest describes, after a check of each file against the manifest.

    Raises:
        SafeLRMError: the manifest is unreadable, or a file is missing, differs or is not listed.
    """
    manifest = Path(manifest)
    folder = model_folder(manifest)
    verify_files(folder, manifest)
    return folder


def write_download(manifest: Path, origin: dict[str, str], names: list[str]) -> None:
    """Write the manifest of the downloaded files beside it.

    Args:
        manifest: the file to write.
        origin: what the files are a copy of.
        names: the files.
    """
    write_json(manifest, origin | {"files": {name: sha256(manifest.parent / name) for name in sorted(names)}})


def verified_download(manifest: Path, revision: str | None) -> Path:
    """The folder of a download's manifest, after a check of each file against the manifest.

    Raises:
        SafeLRMError: the manifest is unreadable or of another revision, or a file is missing, differs or is not listed.
    """
    found = verify_files(manifest.parent, manifest).get("revision")
    if found != revision:
        raise SafeLRMError(
            f"is of revision {found}, the configuration says {revision}",
            file=manifest,
            fix=f"rm {manifest}, then fetch it again: snakemake --cores 1 fetch_all",
        )
    return manifest.parent


def relative_files(folder: Path) -> list[str]:
    """Sorted paths of the files below a folder, relative to it. Hidden files are left out: they are notes of tools."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in paths if not any(part.startswith(".") for part in path.parts))


def verify_files(folder: Path, manifest: Path) -> dict[str, object]:
    """Check each file of a folder against a manifest, and return the content of the manifest.

    Raises:
        SafeLRMError: the manifest is unreadable, or a file is missing, differs or is not listed.
    """
    remedy = f"remove {manifest.parent} and run again"
    content, files = _listed(manifest, remedy)
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise SafeLRMError("listed in the manifest, but missing", file=path, fix=remedy)
        if sha256(path) != expected:
            raise SafeLRMError(
                "differs from the manifest: corrupt or edited", file=path, fix=how_to_drop(path, manifest)
            )
    # a library may load a stale file along with the others
    unlisted = [name for name in relative_files(folder) if name not in files and folder / name != manifest]
    if unlisted:
        raise SafeLRMError("not listed in the manifest", file=folder / unlisted[0], fix=remedy)
    return content


def _listed(manifest: Path, remedy: str) -> tuple[dict[str, object], dict[str, str]]:
    """The content of a manifest, and the files that it lists."""
    try:
        content = dict(json.loads(manifest.read_text(encoding="utf-8")))
        return content, dict(content["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SafeLRMError(f"not a readable manifest ({error})", file=manifest, fix=remedy) from error

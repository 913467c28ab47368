"""Checkpoints: a folder of model files and a manifest beside it with the SHA-256 of each.

`<run>/manifest.json` lists the files of `<run>/model/`, which are `MODEL_FILES`: each is an output of its rule, so
that Snakemake's cache between workflows can hold them. Later stages depend on the manifest,
which is small and holds no times, so that equal weights are equal inputs.
"""

from pathlib import Path

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import sha256, write_json
from safelrm.core.manifests import file_names, verify

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

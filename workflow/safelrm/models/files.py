"""The files of a model in Hugging Face's format: which there must be, and what their headers say.

Snakemake reads this whenever it starts. So no weights are loaded, and no library is imported that takes seconds.
"""

import json
from collections.abc import Mapping
from pathlib import Path, PurePath

from safetensors import SafetensorError, safe_open

from safelrm.core.errors import SafeLRMError

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
TOKENIZER = "tokenizer.json"
ALL_WEIGHTS = "model*.safetensors"
# a tokenizer has at least one of these
VOCABULARIES = (TOKENIZER, "tokenizer.model", "vocab.json", "*.tiktoken")
# configuration, chat template and tokenizer, but no file that could be code
BESIDE_WEIGHTS = ("*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken")
# of a download this is our own file (core/checkpoints.py); a model has none of this name
NO_PART = "manifest.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")


def is_model_file(name: str) -> bool:
    """Whether a file of a repository or a folder is a part of the model. Pickles, code and subfolders are not."""
    if "/" in name or name == NO_PART:
        return False
    return any(PurePath(name).match(pattern) for pattern in (ALL_WEIGHTS, *BESIDE_WEIGHTS))


def files_in(folder: Path) -> list[Path]:
    """The files of the model in a folder, in the order of their names."""
    return sorted(path for path in folder.iterdir() if path.is_file() and is_model_file(path.name))


def check_folder(folder: Path) -> None:
    """Make sure that a folder holds a model with all its parts. What the parts say is not looked at.

    Raises:
        SafeLRMError: there is no such folder, it has no configuration, no whole safetensors weights or no tokenizer.
    """
    if not folder.is_dir():
        raise SafeLRMError("there is no such folder", file=folder, fix="put the model there, or name another folder")
    read_config(folder)
    tensor_shapes(folder)
    if not any(path.match(pattern) for path in folder.iterdir() for pattern in VOCABULARIES):
        raise SafeLRMError(
            f"has no tokenizer: none of {', '.join(VOCABULARIES)}",
            file=folder,
            fix="put the files of the model's tokenizer there: they come with its weights",
        )


def read_config(folder: Path) -> dict[str, object]:
    """The content of a model's `config.json`.

    Raises:
        SafeLRMError: it is missing, or is no JSON object.
    """
    return _read_json(folder / CONFIG, "put the model's own there: it comes with its weights")


def weight_files(folder: Path) -> list[Path]:
    """The files of a model's weights: one, or those that its index lists.

    Raises:
        SafeLRMError: there are none, or the index is damaged or lists a file that is not there.
    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    index = folder / INDEX
    if not index.is_file():
        raise _without_weights(folder)
    names = sorted(set(listed_weights(folder).values()))
    for name in names:
        if PurePath(name).name != name or not (folder / name).is_file():
            raise SafeLRMError(
                f"lists the weights {name!r}, which are not in the folder", file=index, fix="copy or fetch them again"
            )
    return [folder / name for name in names]


def listed_weights(folder: Path) -> dict[str, str]:
    """The file of each tensor, as the index of the weights says.

    Raises:
        SafeLRMError: the index is missing or damaged.
    """
    remedy = "copy or fetch the model again"
    places = _read_json(folder / INDEX, remedy).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise SafeLRMError("lists no weights", file=folder / INDEX, key="weight_map", fix=remedy)
    return places


def tensor_shapes(folder: Path) -> Mapping[str, tuple[int, ...]]:
    """The shape of each tensor of a model, as the headers of its weights say.

    Raises:
        SafeLRMError: the weights are missing, or a file of them is damaged, such as cut off.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for path in weight_files(folder):
        try:
            with safe_open(path, framework="numpy") as tensors:
                shapes |= {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise SafeLRMError(
                f"the weights cannot be read ({error})", file=path, fix="copy or fetch this file again"
            ) from None
    return shapes


def _without_weights(folder: Path) -> SafeLRMError:
    pickles = sorted(path.name for path in folder.iterdir() if any(path.match(pattern) for pattern in PICKLES))
    if pickles:
        return SafeLRMError(
            "pickled weights can run code and are not read; there are no safetensors",
            file=folder / pickles[0],
            fix="name a folder with model.safetensors: load the model where you trust it, and save it with"
            " `save_pretrained`",
        )
    return SafeLRMError(
        f"has no weights: neither {WEIGHTS} nor {INDEX}", file=folder, fix="put the model's weights there"
    )


def _read_json(path: Path, remedy: str) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SafeLRMError(f"cannot be read ({error.strerror})", file=path, fix=remedy) from None
    except ValueError as error:
        raise SafeLRMError(f"is not JSON ({error})", file=path, fix=remedy) from None
    if not isinstance(content, dict):
        raise SafeLRMError("is not a JSON object", file=path, fix=remedy)
    return content

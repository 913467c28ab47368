"""The size of a model, from its `config.json` and the headers of its weights."""

import math
from collections.abc import Mapping
from pathlib import Path

from safelrm.core.errors import SafeLRMError
from safelrm.models.files import CONFIG, read_config, tensor_shapes, weight_files
from safelrm.models.settings import Shape

# keys of mixtures of experts: experts of a layer, by the family that the key comes from
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")
OUTPUT = "lm_head.weight"


def shape_of(folder: Path) -> Shape:
    """The size of the model in a folder.

    Raises:
        SafeLRMError: its configuration or its weights are missing or damaged, or the configuration lacks a number.
    """
    config = read_config(folder)
    # a model of texts and images describes its language model in a part of its own
    own = config.get("text_config")
    text = config | own if isinstance(own, dict) else config
    hidden, heads = _number(text, "hidden_size", folder), _number(text, "num_attention_heads", folder)
    shapes = dict(tensor_shapes(folder))
    if text.get("tie_word_embeddings"):
        # some files hold the shared weights twice
        shapes.pop(OUTPUT, None)
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    return Shape(
        parameters=float(sum(sizes.values())),
        active_parameters=_active(text, shapes, sizes, folder),
        layers=_number(text, "num_hidden_layers", folder),
        hidden_size=hidden,
        attention_layers=_attention_layers(text),
        kv_heads=_number(text, "num_key_value_heads", folder, heads),
        head_dim=_number(text, "head_dim", folder, hidden // heads),
        vocabulary=_number(text, "vocab_size", folder),
    )


def stored_bytes(folder: Path) -> int:
    """Bytes of the weights of the model in a folder."""
    return sum(path.stat().st_size for path in weight_files(folder))


def _active(
    text: Mapping[str, object], shapes: Mapping[str, tuple[int, ...]], sizes: Mapping[str, int], folder: Path
) -> float | None:
    """Parameters that a token passes; None if it passes all."""
    experts = next((_number(text, key, folder) for key in EXPERTS if text.get(key)), None)
    if experts is None:
        return None
    # a tensor of one expert names it; a tensor of all has them as its first of three dimensions
    of_experts = [
        name for name, shape in shapes.items() if ".experts." in name or (len(shape) == 3 and shape[0] == experts)
    ]
    idle = 1 - _number(text, "num_experts_per_tok", folder) / experts
    return sum(sizes.values()) - idle * sum(sizes[name] for name in of_experts)


def _attention_layers(text: Mapping[str, object]) -> int | None:
    """Layers with a key-value cache; None if all have one."""
    kinds = text.get("layer_types") or text.get("layers_block_type")
    if not isinstance(kinds, list):
        return None
    with_cache = [kind for kind in kinds if "attention" in str(kind) and kind != "linear_attention"]
    return None if len(with_cache) == len(kinds) else max(1, len(with_cache))


def _number(text: Mapping[str, object], key: str, folder: Path, otherwise: int | None = None) -> int:
    found = text.get(key)
    found = otherwise if found is None else found
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise SafeLRMError(
            "missing, and the size of the model cannot be told" if found is None else f"{found!r} is no size",
            file=folder / CONFIG,
            key=key,
            fix="write the model's own number there",
        )
    return found

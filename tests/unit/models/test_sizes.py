"""The size of a model is told by its own files, for the families in use."""

import json
import math
from pathlib import Path

import pytest
import torch
from tiny_model import granite_hybrid, qwen3, write_tiny_model
from transformers import AutoConfig, AutoModelForCausalLM

from safelrm.core.errors import SafeLRMError
from safelrm.models.settings import Shape
from safelrm.models.sizes import shape_of, stored_bytes

# the part of each model's own config.json that has to do with its size
LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "tie_word_embeddings": False,
}
QWEN3 = {
    "model_type": "qwen3",
    "head_dim": 128,
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_attention_heads": 16,
    "num_hidden_layers": 28,
    "num_key_value_heads": 8,
    "tie_word_embeddings": True,
    "vocab_size": 151936,
}
QWEN2 = {
    "model_type": "qwen2",
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_attention_heads": 28,
    "num_hidden_layers": 28,
    "num_key_value_heads": 4,
    "tie_word_embeddings": False,
    "vocab_size": 152064,
}
MISTRAL = LLAMA | {"model_type": "mistral", "vocab_size": 32768, "head_dim": None}
GRANITE = {
    "model_type": "granite",
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_attention_heads": 32,
    "num_hidden_layers": 40,
    "num_key_value_heads": 8,
    "tie_word_embeddings": True,
    "vocab_size": 49155,
}
PHI3 = {
    "model_type": "phi3",
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 32,
    "tie_word_embeddings": False,
    "vocab_size": 32064,
    "pad_token_id": 32000,
}
# these do not say that the embeddings are tied: it is the default of their classes
GEMMA2 = {
    "model_type": "gemma2",
    "head_dim": 256,
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_attention_heads": 8,
    "num_hidden_layers": 26,
    "num_key_value_heads": 4,
    "vocab_size": 256000,
}
GEMMA3 = {
    "model_type": "gemma3_text",
    "head_dim": 256,
    "hidden_size": 1152,
    "intermediate_size": 6912,
    "num_attention_heads": 4,
    "num_hidden_layers": 26,
    "num_key_value_heads": 1,
    "vocab_size": 262144,
}
FAMILIES = {
    "llama": (LLAMA, 8.03e9),
    "qwen3": (QWEN3, 5.96e8),
    "qwen2": (QWEN2, 7.62e9),
    "mistral": (MISTRAL, 7.25e9),
    "granite": (GRANITE, 2.53e9),
    "phi3": (PHI3, 3.82e9),
    "gemma2": (GEMMA2, 2.61e9),
    "gemma3": (GEMMA3, 1.0e9),
}


def write_weights(path: Path, shapes: dict[str, list[int]]) -> None:
    """A safetensors file of bfloat16 tensors, whose data takes no room on the disk."""
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        stream.truncate(8 + len(text) + end)


def write_family(folder: Path, config: dict) -> torch.nn.Module:
    """The configuration and the weights of a model, as they are saved; the model, without data."""
    (folder / "config.json").write_text(json.dumps(config))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    write_weights(folder / "model.safetensors", {name: list(each.shape) for name, each in model.named_parameters()})
    return model


@pytest.mark.parametrize("family", FAMILIES)
def test_the_families_in_use_are_read_from_their_files(family, tmp_path):
    config, parameters = FAMILIES[family]
    model = write_family(tmp_path, config)
    known = model.config
    assert shape_of(tmp_path) == Shape(
        parameters=float(model.num_parameters()),
        layers=known.num_hidden_layers,
        hidden_size=known.hidden_size,
        kv_heads=known.num_key_value_heads,
        head_dim=getattr(known, "head_dim", None) or known.hidden_size // known.num_attention_heads,
        vocabulary=model.get_input_embeddings().num_embeddings,
    )
    assert shape_of(tmp_path).parameters == pytest.approx(parameters, rel=0.01)
    assert stored_bytes(tmp_path) == pytest.approx(2 * model.num_parameters(), rel=0.001)


def test_a_language_model_within_another_is_read(tmp_path):
    write_family(tmp_path, GEMMA3)
    expected = shape_of(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gemma3", "text_config": GEMMA3}))
    assert shape_of(tmp_path) == expected


def test_tied_weights_that_are_stored_twice_count_once(tmp_path):
    model = write_family(tmp_path, QWEN3)
    shapes = {name: list(each.shape) for name, each in model.named_parameters()}
    write_weights(tmp_path / "model.safetensors", shapes | {"lm_head.weight": [151936, 1024]})
    assert shape_of(tmp_path).parameters == model.num_parameters()


@pytest.mark.parametrize("network", [qwen3, granite_hybrid])
def test_layers_without_a_cache_and_idle_experts_are_seen(network, tmp_path):
    folder = write_tiny_model(tmp_path, network=network).parent / "model"
    shape, model = shape_of(folder), network()
    assert shape.parameters == model.num_parameters()
    if network is qwen3:
        assert shape.attention_layers is None and shape.active_parameters is None
    else:
        experts = sum(each.numel() for name, each in model.named_parameters() if each.dim() == 3 and len(each) == 4)
        assert experts > 0
        assert shape.attention_layers == 1
        assert shape.active_parameters == model.num_parameters() - experts / 2


def test_an_expert_with_a_name_of_its_own_is_seen(tmp_path):
    experts = {"num_experts": 4, "num_experts_per_tok": 1}
    (tmp_path / "config.json").write_text(json.dumps(QWEN3 | experts))
    shapes = {f"model.layers.0.mlp.experts.{number}.up_proj.weight": [8, 8] for number in range(4)}
    write_weights(tmp_path / "model.safetensors", shapes | {"model.layers.0.mlp.shared_experts.w": [4, 4]})
    assert shape_of(tmp_path).active_parameters == 64 + 16


@pytest.mark.parametrize("key", ["hidden_size", "num_attention_heads", "num_hidden_layers", "vocab_size"])
@pytest.mark.parametrize(("value", "said"), [(None, "cannot be told"), ("12", "'12' is no size"), (0, "0 is no size")])
def test_a_number_that_is_missing_or_none_is_named(key, value, said, tmp_path):
    write_family(tmp_path, QWEN3)
    (tmp_path / "config.json").write_text(json.dumps(QWEN3 | {key: value}))
    with pytest.raises(SafeLRMError, match=said) as caught:
        shape_of(tmp_path)
    assert caught.value.file == tmp_path / "config.json" and caught.value.key == key and caught.value.fix

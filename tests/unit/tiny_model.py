"""Tiny models with random weights and a word-level tokenizer, for tests that need a real checkpoint."""

from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    GraniteMoeHybridConfig,
    GraniteMoeHybridForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from safelrm.core.checkpoints import write_manifest

WORDS = [f"w{number}" for number in range(40)] + [*"0123456789", "safe", "unsafe"]
SPECIAL = ["<pad>", "<unk>", "<|end|>", "<|user|>", "<|assistant|>", "<think>", "</think>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|user|> ' if message['role'] == 'user' else '<|assistant|> ' }}{{ message['content'] }} <|end|> "
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% if prefill %} <think>{% endif %}{% endif %}"
)
PREFILLED_TEMPLATE = CHAT_TEMPLATE.replace("if prefill", "if true")


SIZES = {
    "vocab_size": 64,
    "hidden_size": 64,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 256,
    "tie_word_embeddings": False,
    "pad_token_id": SPECIAL.index("<pad>"),
    "bos_token_id": None,
    "eos_token_id": SPECIAL.index("<|end|>"),
}


def qwen3() -> PreTrainedModel:
    """A dense model."""
    return Qwen3ForCausalLM(Qwen3Config(**SIZES, intermediate_size=128, num_hidden_layers=2, head_dim=32))


def granite_hybrid() -> PreTrainedModel:
    """State-space layers, attention without positions and a mixture of experts, as Granite 4 has them."""
    config = GraniteMoeHybridConfig(
        **SIZES,
        intermediate_size=64,
        num_hidden_layers=3,
        num_local_experts=4,
        num_experts_per_tok=2,
        shared_intermediate_size=64,
        router_aux_loss_coef=0.01,
        position_embedding_type=None,
        layer_types=["mamba", "attention", "mamba"],
        mamba_n_heads=4,
        mamba_d_head=32,
        mamba_d_state=16,
        mamba_chunk_size=16,
    )
    return GraniteMoeHybridForCausalLM(config)


def words_alone() -> tuple[dict[str, int], Tokenizer]:
    """The vocabulary, and a tokenizer that splits at white space."""
    vocabulary = {word: number for number, word in enumerate(SPECIAL + WORDS)}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return vocabulary, words


def write_tiny_model(
    run: Path,
    *,
    seed: int = 0,
    chat_template: str = CHAT_TEMPLATE,
    scale: float = 1.0,
    network: Callable[[], PreTrainedModel] = qwen3,
) -> Path:
    """Write the checkpoint `run/model` and return its manifest. `scale` sharpens the next-token distribution."""
    vocabulary, words = words_alone()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="<|end|>",
        additional_special_tokens=["<|user|>", "<|assistant|>", "<think>", "</think>"],
    )
    tokenizer.chat_template = chat_template
    torch.manual_seed(seed)
    model = network()
    model.lm_head.weight.data *= scale
    # ids past the vocabulary have no text
    model.lm_head.weight.data[len(vocabulary) :] = 0.0
    model.save_pretrained(run / "model")
    tokenizer.save_pretrained(run / "model")
    write_manifest(run / "manifest.json")
    return run / "manifest.json"


def write_tiny_encoder(folder: Path, *, seed: int = 0) -> Path:
    """Write the folder of a sentence encoder with random weights, and return it."""
    _, words = words_alone()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", unk_token="<unk>")
    torch.manual_seed(seed)
    sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    model = BertModel(BertConfig(**sizes, num_attention_heads=2, max_position_embeddings=128, initializer_range=0.5))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

"""A tiny Qwen3 with random weights and a word-level tokenizer, for tests that need a real checkpoint."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

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


def write_tiny_model(run: Path, *, seed: int = 0, chat_template: str = CHAT_TEMPLATE, scale: float = 1.0) -> Path:
    """Write the checkpoint `run/model` and return its manifest. `scale` sharpens the next-token distribution."""
    vocabulary = {word: number for number, word in enumerate(SPECIAL + WORDS)}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="<|end|>",
        additional_special_tokens=["<|user|>", "<|assistant|>", "<think>", "</think>"],
    )
    tokenizer.chat_template = chat_template
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=64,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=256,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = Qwen3ForCausalLM(config)
    model.lm_head.weight.data *= scale
    # ids past the vocabulary have no text
    model.lm_head.weight.data[len(vocabulary) :] = 0.0
    model.save_pretrained(run / "model")
    tokenizer.save_pretrained(run / "model")
    write_manifest(run / "manifest.json")
    return run / "manifest.json"

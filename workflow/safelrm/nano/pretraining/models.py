"""Models of the nano study: untrained ones of each architecture, and trained ones that become checkpoints."""

from dataclasses import dataclass
from pathlib import Path

from transformers import (
    GenerationConfig,
    GraniteConfig,
    GraniteForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from safelrm.nano.settings import Architecture


def new_model(architecture: Architecture, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """A randomly initialised model (seed first) that ends its turns with the tokenizer's end token."""
    shared = {
        "vocab_size": len(tokenizer),
        "hidden_size": architecture.hidden_size,
        "intermediate_size": architecture.intermediate_size,
        "num_hidden_layers": architecture.layers,
        "num_attention_heads": architecture.heads,
        "num_key_value_heads": architecture.kv_heads,
        "max_position_embeddings": architecture.max_length,
        "rope_parameters": {"rope_type": "default", "rope_theta": architecture.rope_theta},
        "tie_word_embeddings": True,
        # widths of hundreds, not thousands: the default of 0.02 starts too small
        "initializer_range": 0.05,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if architecture.kind == "granite":
        multipliers = architecture.multipliers
        config = GraniteConfig(
            embedding_multiplier=multipliers.embedding,
            residual_multiplier=multipliers.residual,
            attention_multiplier=multipliers.attention or architecture.head_dim**-0.5,
            logits_scaling=multipliers.logits,
            **shared,
        )
        return GraniteForCausalLM(config)
    return Qwen3ForCausalLM(Qwen3Config(head_dim=architecture.head_dim, **shared))


@dataclass(frozen=True)
class TrainedModel:
    """A model in memory, with its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast

    def save(self, folder: Path) -> None:
        """Write the files of a checkpoint.

        Completions end at the tokenizer's end token, and nothing else is set for generation: decoding is the caller's.
        """
        self.model.generation_config = GenerationConfig(
            eos_token_id=self.tokenizer.eos_token_id, pad_token_id=self.tokenizer.pad_token_id, bos_token_id=None
        )
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

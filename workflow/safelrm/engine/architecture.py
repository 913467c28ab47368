"""What vLLM has to be told about a model's architecture."""

from pathlib import Path

from transformers import AutoConfig


def has_state_space_layers(folder: Path) -> bool:
    """Whether some layers of the model in a folder keep a state instead of a cache of all tokens (Mamba and the like).

    vLLM by itself reuses the states of prompts that begin alike, for which it wants to read prompts in parts.
    """
    config = AutoConfig.from_pretrained(folder, local_files_only=True).get_text_config()
    kinds = getattr(config, "layer_types", None) or getattr(config, "layers_block_type", None) or ()
    return any(kind == "linear_attention" or "attention" not in kind for kind in kinds)

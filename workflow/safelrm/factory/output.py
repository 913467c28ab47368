"""Writing a trained model as a checkpoint."""

from pathlib import Path

from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerFast

from safelrm.core.checkpoints import model_folder, write_manifest
from safelrm.core.files import atomic_path


def write_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, manifest: Path) -> None:
    """Write the folder `model` beside `manifest`, then the manifest.

    Completions end at the tokenizer's end token, and nothing else is set for generation: decoding is the caller's.
    """
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None
    )
    with atomic_path(model_folder(manifest)) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    write_manifest(manifest)

"""What a factory makes, and how it becomes a checkpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerFast

from safelrm.core.checkpoints import model_folder, write_manifest
from safelrm.core.files import atomic_path


class Model(Protocol):
    """A model that can be saved."""

    def save(self, folder: Path) -> None:
        """Write `core.checkpoints.MODEL_FILES` into a folder, which does not exist yet."""


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


def write_model(model: Model, manifest: Path) -> None:
    """Write the folder `model` beside `manifest`, then the manifest."""
    with atomic_path(model_folder(manifest)) as folder:
        model.save(folder)
    write_manifest(manifest)

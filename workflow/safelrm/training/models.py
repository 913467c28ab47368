"""Loading a checkpoint for training, and saving the trained model as one."""

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from safelrm.core.checkpoints import model_folder, verified_model, write_manifest
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path
from safelrm.engine.chat import Chat


@dataclass(frozen=True)
class Policy:
    """A causal language model to train, with its tokenizer.

    Attributes:
        model: in float32, whatever the checkpoint holds.
        original: the configuration of the checkpoint, which trainers change in the model.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    original: PretrainedConfig

    @property
    def context(self) -> int:
        """The longest sequence of the model, in tokens."""
        return self.model.config.get_text_config().max_position_embeddings

    @property
    def stop_ids(self) -> frozenset[int]:
        """The tokens that end a completion."""
        declared = self.model.generation_config.eos_token_id
        ids = [declared] if isinstance(declared, int) else declared or []
        return frozenset([*ids, self.tokenizer.eos_token_id])


def load_policy(manifest: Path) -> Policy:
    """The model of a checkpoint. Seed before calling it.

    Raises:
        SafeLRMError: the checkpoint is damaged, or its tokenizer lacks a chat template or end token.
    """
    disable_progress_bar()
    folder = verified_model(manifest)
    tokenizer = Chat(folder).tokenizer
    if tokenizer.eos_token_id is None:
        raise SafeLRMError("the tokenizer has no end token", file=folder, key="eos_token", fix="choose a chat model")
    original = AutoConfig.from_pretrained(folder, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
    )
    return Policy(model, tokenizer, original)


def save_policy(policy: Policy, manifest: Path) -> None:
    """Write the model folder beside `manifest`, in the dtype of the checkpoint, then the manifest."""
    # the trainer turned it off, and generation without a cache is slow
    policy.model.config.use_cache = policy.original.use_cache
    with atomic_path(model_folder(manifest)) as folder:
        policy.model.to(policy.original.dtype or torch.float32).save_pretrained(folder)
        policy.tokenizer.save_pretrained(folder)
    write_manifest(manifest)

"""Loading a checkpoint for training, and saving the trained model as one.

What a training leaves: its curve and its model, written once, by the first of its processes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase, Trainer
from transformers.utils.logging import disable_progress_bar

from safelrm.core.checkpoints import model_folder, verified_model, write_manifest
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path
from safelrm.core.process import is_first_process
from safelrm.inference.chat import Chat
from safelrm.training.curves import write_curve


@dataclass(frozen=True)
class Policy:
    """A causal language model to train, with its tokenizer.

    Attributes:
        model: in float32, whatever the checkpoint holds.
        folder: the checkpoint's model folder.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    folder: Path

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
    return Policy(_load(folder, torch.float32), tokenizer, folder)


def save_policy(policy: Policy, weights: Mapping[str, torch.Tensor], manifest: Path) -> None:
    """Write the model folder beside `manifest`, with the checkpoint's configuration and dtype, then the manifest.

    Args:
        policy: the model that was trained. Its own weights may be one process's part, and its configuration and
            class what the trainer made of them: so they are put into the checkpoint's model, loaded anew.
        weights: the trained weights, whole.
        manifest: the file to write.
    """
    dtype = AutoConfig.from_pretrained(policy.folder, local_files_only=True).dtype or torch.float32
    model = _load(policy.folder, dtype)
    model.load_state_dict(weights)
    with atomic_path(model_folder(manifest)) as folder:
        # one file, whatever its size: the files of a checkpoint are fixed
        model.save_pretrained(folder, max_shard_size="10TB")
        policy.tokenizer.save_pretrained(folder)
    write_manifest(manifest)


def _load(folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, use_safetensors=True, local_files_only=True)


def write_result(trainer: Trainer, policy: Policy, metrics: Mapping[str, str], *, curve: Path, manifest: Path) -> None:
    """Write the curve, the model folder beside `manifest`, and `manifest`.

    Args:
        trainer: it has trained `policy`, maybe in several processes, of which each calls this.
        policy: the model that was trained.
        metrics: name of a metric in the trainer's log -> name in the curve.
        curve: the table to write.
        manifest: the manifest to write.
    """
    # all take part: each may hold a part of the weights
    weights = trainer.accelerator.get_state_dict(trainer.model)
    if is_first_process():
        write_curve(curve, trainer.state.log_history, metrics)
        save_policy(policy, weights, manifest)

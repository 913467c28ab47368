"""The model that is trained: loading it from a checkpoint, and writing the results of a training."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoConfig, PreTrainedModel, PreTrainedTokenizerBase, Trainer
from transformers.utils.logging import disable_progress_bar

from safelrm.core.checkpoints import model_folder, verified_model, write_manifest
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path
from safelrm.core.process import is_first_process
from safelrm.inference.chat import Chat
from safelrm.inference.engine import load_model
from safelrm.training.curves import write_curve
from safelrm.training.lora import merged_weights, trained_adapter, write_adapter
from safelrm.training.settings import LoraSettings
from safelrm.training.tiles import fit_tiles


@dataclass(frozen=True)
class Policy:
    """A causal language model to train, with its tokenizer.

    Attributes:
        model: the model in float32, whatever the dtype of the checkpoint.
        tokenizer: the tokenizer of the checkpoint, with a chat template.
        folder: the model folder of the checkpoint.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    folder: Path

    @property
    def context(self) -> int:
        """The greatest length of a sequence, in tokens."""
        return self.model.config.get_text_config().max_position_embeddings

    @property
    def stop_ids(self) -> frozenset[int]:
        """The tokens that end a completion."""
        declared = self.model.generation_config.eos_token_id
        ids = [declared] if isinstance(declared, int) else declared or []
        return frozenset([*ids, self.tokenizer.eos_token_id])


def load_policy(manifest: Path) -> Policy:
    """The model of a checkpoint, verified. Seed the process before the call.

    Raises:
        SafeLRMError: the checkpoint is damaged, or its tokenizer has no chat template or no end token.
    """
    disable_progress_bar()
    folder = verified_model(manifest)
    tokenizer = Chat(folder).tokenizer
    if tokenizer.eos_token_id is None:
        raise SafeLRMError("the tokenizer has no end token", file=folder, key="eos_token", fix="choose a chat model")
    model = load_model(folder, torch.float32)
    fit_tiles(model)
    return Policy(model, tokenizer, folder)


def save_policy(policy: Policy, weights: Mapping[str, torch.Tensor], manifest: Path) -> None:
    """Write the model folder beside `manifest`, with the configuration and dtype of the checkpoint; then the manifest.

    The weights are saved with the model of the checkpoint, loaded again. The trainer may have changed the class and
    the configuration of `policy.model`, which may also hold only the part of one process.

    Args:
        policy: the model that was trained.
        weights: all trained weights.
        manifest: the file to write.
    """
    dtype = AutoConfig.from_pretrained(policy.folder, local_files_only=True).dtype or torch.float32
    model = load_model(policy.folder, dtype)
    model.load_state_dict(weights)
    with atomic_path(model_folder(manifest)) as folder:
        # one file, whatever its size: rules name the files of a checkpoint
        model.save_pretrained(folder, max_shard_size="10TB")
        policy.tokenizer.save_pretrained(folder)
    write_manifest(manifest)


def write_result(
    trainer: Trainer,
    policy: Policy,
    lora: LoraSettings | None,
    metrics: Mapping[str, str],
    *,
    curve: Path,
    manifest: Path,
) -> None:
    """Write the curve, the model folder beside `manifest`, an adapter that is to be kept, and `manifest`, once.

    Every process that trains must call this; the first process writes.

    Args:
        trainer: the trainer that has trained `policy`.
        policy: the model that was trained.
        lora: how, if only updates of low rank were trained.
        metrics: name of a metric in the trainer's log -> its name in the curve.
        curve: the table to write.
        manifest: the manifest to write.
    """
    # each process may hold a part of the weights, so all processes gather them
    weights = trainer.accelerator.get_state_dict(trainer.model)
    if is_first_process():
        write_curve(curve, trainer.state.log_history, metrics)
        if lora is not None:
            config, adapter = trainer.model.peft_config["default"], trained_adapter(trainer.model, weights)
            if lora.keep_adapter:
                write_adapter(manifest, config, adapter)
            weights = merged_weights(policy.folder, config, adapter)
        save_policy(policy, weights, manifest)

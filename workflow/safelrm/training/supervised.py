"""Supervised fine-tuning with TRL's SFTTrainer.

1. The chat template of the model renders each conversation. The loss covers only the assistant's turn, with its trace
   and its end token.
2. The trace of a response is written in the format of the model (core/trace_formats.py), or left out in a decoding mode
   without one (training/rows.py). Every rendered row is checked against its conversation (training/rendering.py).
3. AdamW trains all weights, or updates of low rank (training/lora.py), with a linear warm-up and a cosine decay, unless
   the recipe's `trainer` says otherwise. A NaN or infinite loss, gradient norm or weight ends the run.
4. The weights are saved in the dtype of the checkpoint, with the tokenizer and nothing else.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from datasets import Dataset
from transformers import PrinterCallback
from trl import SFTConfig, SFTTrainer

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import seed_everything
from safelrm.training.batches import PADDING, BatchesByLength, CountsTokens, require_separate_rows
from safelrm.training.counts import TOKENS_TRAINED
from safelrm.training.curves import CurveWatch
from safelrm.training.lora import adapter_config
from safelrm.training.modes import modes_of
from safelrm.training.policy import load_policy, write_result
from safelrm.training.probe import finish_probing, probe_metrics, start_probing
from safelrm.training.probing import Probing
from safelrm.training.processes import share_batch, take_device, trainer_config
from safelrm.training.rendering import check_template
from safelrm.training.resuming import train_resumably
from safelrm.training.rows import check_rows, sft_rows, turns_of
from safelrm.training.settings import SftSettings, TemplateArguments

METRICS = {
    "loss": "loss",
    "mean_token_accuracy": "token_accuracy",
    "entropy": "entropy",
    "grad_norm": "gradient_norm",
    "learning_rate": "learning_rate",
    TOKENS_TRAINED: TOKENS_TRAINED,
    PADDING: PADDING,
}


class CountingSFTTrainer(CountsTokens, BatchesByLength, SFTTrainer):
    """TRL's trainer with counts of tokens and the batches of the recipe."""


def train(
    conversations: pd.DataFrame,
    settings: SftSettings,
    work: Path,
    *,
    checkpoint: Path,
    seed: int,
    manifest: Path,
    curve: Path,
    probing: Probing | None = None,
    templates: Mapping[str, TemplateArguments] | None = None,
) -> None:
    """Fine-tune `checkpoint` on rows of CONVERSATIONS; write `manifest`, the model folder beside it, and `curve`.

    `probing` is what the recipe's probes ask, and where their answers are written (training/probe.py).
    `templates` has the arguments of the chat template for each decoding mode of the recipe (training/rows.py).
    The state is saved in the folder `work`. If `work` holds a state, training goes on from it.

    Raises:
        SafeLRMError: there are no rows, a row is not rendered as its conversation says, the model mixes rows that lie
            end to end, training diverged, or the processes cannot share the batch. No model is written.
        SystemExit: the process has received SIGTERM. The state is saved.
    """
    if conversations.empty:
        raise SafeLRMError("there are no rows to train on", key="dataset", fix="see what `curate` left of the data set")
    take_device()
    passes, size = share_batch(
        settings.gradient_accumulation, settings.batch_size, keys=("gradient_accumulation", "batch_size")
    )
    seed_everything(seed)
    policy = load_policy(checkpoint)
    check_template(policy.tokenizer)
    if settings.padding_free:
        require_separate_rows(policy.model)
    rows = sft_rows(conversations, policy, modes_of(policy.tokenizer, templates or {}, settings.without_trace))
    trainer = CountingSFTTrainer(
        by_length=settings.batching == "by_length",
        model=policy.model,
        processing_class=policy.tokenizer,
        args=trainer_config(
            SFTConfig, settings, sft_arguments(settings, passes, size), seed=seed, work=work, curve=curve
        ),
        train_dataset=Dataset.from_dict(turns_of(rows)),
        callbacks=[CurveWatch(METRICS)],
        peft_config=adapter_config(settings.lora, policy.model),
    )
    trainer.remove_callback(PrinterCallback)
    check_rows(trainer.train_dataset, rows, policy, settings.max_length)
    start_probing(trainer, policy, settings.probe, probing, {})
    train_resumably(trainer)
    finish_probing(trainer, settings.probe, probing)
    metrics = METRICS | probe_metrics(settings.probe)
    write_result(trainer, policy, settings.lora, metrics, curve=curve, manifest=manifest)


def sft_arguments(settings: SftSettings, passes: int, size: int) -> dict[str, object]:
    """The arguments of TRL's SFTConfig that follow from a recipe, for each of the processes that share a step.

    Args:
        settings: the recipe.
        passes: forward and backward passes of a step.
        size: sequences of a pass.
    """
    return {
        "assistant_only_loss": True,
        # rows are never cut: check_row refuses rows that are too long
        "max_length": None,
        "padding_free": settings.padding_free,
        "num_train_epochs": settings.epochs,
        "per_device_train_batch_size": size,
        "gradient_accumulation_steps": passes,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": settings.warmup,
        "weight_decay": settings.weight_decay,
    }

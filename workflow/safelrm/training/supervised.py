"""Supervised fine-tuning with TRL's SFTTrainer.

1. The chat template of the model renders each conversation. The loss covers only the assistant's turn, with its trace
   and its end token.
2. The trace of a response is written in the format of the model (core/trace_formats.py). Every rendered row is checked
   against its conversation (training/rendering.py).
3. AdamW trains all weights, or updates of low rank (training/lora.py), with a linear warm-up and a cosine decay, unless
   the recipe's `trainer` says otherwise. A NaN or infinite loss, gradient norm or weight ends the run.
4. The weights are saved in the dtype of the checkpoint, with the tokenizer and nothing else.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import Dataset
from torch.utils.data import Sampler
from transformers import PrinterCallback
from trl import SFTConfig, SFTTrainer

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import seed_everything
from safelrm.inference.chat import conversation, trace_format_of
from safelrm.training.batches import PADDING, TOKENS, CountsTokens, LengthSampler, require_separate_rows
from safelrm.training.curves import CurveWatch
from safelrm.training.lora import adapter_config
from safelrm.training.policy import Policy, load_policy, write_result
from safelrm.training.probe import finish_probing, probe_metrics, start_probing
from safelrm.training.probing import Probing
from safelrm.training.processes import process_count, share_batch, take_device, trainer_config
from safelrm.training.rendering import Row, as_generated, check_row, check_template, in_format, trace_prefill
from safelrm.training.resuming import train_resumably
from safelrm.training.settings import SftSettings

METRICS = {
    "loss": "loss",
    "mean_token_accuracy": "token_accuracy",
    "entropy": "entropy",
    "grad_norm": "gradient_norm",
    "learning_rate": "learning_rate",
    TOKENS: TOKENS,
    PADDING: PADDING,
}


class CountingSFTTrainer(CountsTokens, SFTTrainer):
    """TRL's trainer with counts of tokens and the batches of the recipe.

    Args:
        by_length: whether the rows of a step have nearly one length.
        given: what SFTTrainer takes.
    """

    def __init__(self, *, by_length: bool, **given: Any) -> None:
        self._by_length = by_length
        super().__init__(**given)

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler | None:
        if not self._by_length:
            return super()._get_train_sampler(train_dataset)
        lengths = [len(ids) for ids in self.train_dataset["input_ids"]]
        step_size = self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps
        return LengthSampler(lengths, step_size * process_count(), seed=self.args.data_seed, trainer=self)


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
) -> None:
    """Fine-tune `checkpoint` on rows of CONVERSATIONS; write `manifest`, the model folder beside it, and `curve`.

    `probing` is what the recipe's probes ask, and where their answers are written (training/probe.py).
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
    responses = _responses(conversations, policy)
    trainer = CountingSFTTrainer(
        by_length=settings.batching == "by_length",
        model=policy.model,
        processing_class=policy.tokenizer,
        args=trainer_config(
            SFTConfig, settings, sft_arguments(settings, passes, size), seed=seed, work=work, curve=curve
        ),
        train_dataset=Dataset.from_dict(
            {"messages": [conversation(*turns) for turns in zip(conversations["prompt"], responses, strict=True)]}
        ),
        callbacks=[CurveWatch(METRICS)],
        peft_config=adapter_config(settings.lora, policy.model),
    )
    trainer.remove_callback(PrinterCallback)
    _check_rows(trainer.train_dataset, conversations, responses, policy, settings)
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


def _responses(conversations: pd.DataFrame, policy: Policy) -> list[str]:
    """The responses as the model would generate them: in its trace format, after what the template has opened."""
    known, prefill = trace_format_of(policy.tokenizer), trace_prefill(policy.tokenizer)
    found = []
    for prompt_id, response in zip(conversations["prompt_id"], conversations["response"], strict=True):
        try:
            found.append(as_generated(in_format(response, known), prefill, known))
        except SafeLRMError as error:
            raise SafeLRMError(f"prompt_id {prompt_id}: {error.problem}", key=error.key, fix=error.fix) from None
    return found


def _check_rows(
    rows: Dataset, conversations: pd.DataFrame, responses: Sequence[str], policy: Policy, settings: SftSettings
) -> None:
    named = zip(rows, conversations["prompt_id"], conversations["prompt"], responses, strict=True)
    for row, prompt_id, prompt, response in named:
        check_row(
            Row(row["input_ids"], row["labels"]),
            prompt_id=prompt_id,
            prompt=prompt,
            response=response,
            tokenizer=policy.tokenizer,
            stop_ids=policy.stop_ids,
            max_length=min(settings.max_length, policy.context),
        )

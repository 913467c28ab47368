"""Direct preference optimisation (DPO, Rafailov et al. 2023) with TRL's DPOTrainer.

1. A pair is a prompt, as the chat template renders it for generation, with two completions: the very tokens that were
   sampled, and the end token. Nothing is rendered again. A completion that the token limit has cut has no end token.
2. The loss covers the tokens of the completions alone. It compares the policy with the reference model, which is the
   checkpoint at the start; with LoRA the model without its updates.
3. AdamW trains all weights, or updates of low rank (training/lora.py), with a linear warm-up and a cosine decay, unless
   the recipe's `trainer` says otherwise. A NaN or infinite loss, gradient norm or weight ends the run.
4. The weights are saved in the dtype of the checkpoint, with the tokenizer and nothing else.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl import DPOConfig, DPOTrainer

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import seed_everything
from safelrm.inference.chat import user_turn
from safelrm.inference.engine import load_model
from safelrm.inference.schemas import STOP
from safelrm.training.batches import PADDING, BatchesByLength, CountsTokens
from safelrm.training.candidate_settings import DpoSettings
from safelrm.training.counts import TOKENS_TRAINED
from safelrm.training.curves import CurveWatch
from safelrm.training.lora import adapter_config
from safelrm.training.policy import Policy, load_policy, write_result
from safelrm.training.probe import finish_probing, probe_metrics, start_probing
from safelrm.training.probing import Probing
from safelrm.training.processes import share_batch, take_device, trainer_config
from safelrm.training.resuming import train_resumably

METRICS = {
    "loss": "loss",
    "rewards/accuracies": "preference_accuracy",
    "rewards/margins": "preference_margin",
    # TRL's implicit rewards: beta times the log-ratio of policy and reference
    "rewards/chosen": "implicit_reward_chosen",
    "rewards/rejected": "implicit_reward_rejected",
    "logps/chosen": "logprob_chosen",
    "logps/rejected": "logprob_rejected",
    "entropy": "entropy",
    # of the policy's passes: both sequences of a pair
    TOKENS_TRAINED: TOKENS_TRAINED,
    PADDING: PADDING,
    "grad_norm": "gradient_norm",
    "learning_rate": "learning_rate",
}


class TokenPairsTrainer(CountsTokens, BatchesByLength, DPOTrainer):
    """TRL's trainer of rows that hold token ids, which it would make of texts, with counts and the recipe's batches."""

    def row_lengths(self) -> list[int]:
        """Tokens of the longer sequence of each pair: TRL pads both sequences of all pairs of a batch to one length."""
        return [
            len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"])) for row in self.train_dataset
        ]

    def _prepare_dataset(self, dataset: Dataset, *_: object, **__: object) -> Dataset:
        return dataset


def train(
    pairs: pd.DataFrame,
    settings: DpoSettings,
    work: Path,
    *,
    seed: int,
    checkpoint: Path,
    manifest: Path,
    curve: Path,
    probing: Probing | None = None,
) -> None:
    """Train `checkpoint` on pairs (training/best_of.py); write `manifest`, the model folder beside it, and `curve`.

    `probing` is what the recipe's probes ask, and where their answers are written (training/probe.py).
    The state is saved in the folder `work`. If `work` holds a state, training goes on from it.

    Raises:
        SafeLRMError: a row is too long, the candidates are of another template, training diverged, or the processes
            cannot share the batch. No model is written.
        SystemExit: the process has received SIGTERM. The state is saved.
    """
    take_device()
    seed_everything(seed)
    policy = load_policy(checkpoint)
    rows = token_rows(pairs, policy, settings.max_length)
    passes, size = share_batch(
        settings.gradient_accumulation, settings.batch_size, keys=("gradient_accumulation", "batch_size")
    )
    trainer = TokenPairsTrainer(
        by_length=settings.batching == "by_length",
        model=policy.model,
        ref_model=load_model(policy.folder, torch.float32) if settings.has_reference_model else None,
        processing_class=policy.tokenizer,
        args=trainer_config(
            DPOConfig, settings, dpo_arguments(settings, passes, size), seed=seed, work=work, curve=curve
        ),
        train_dataset=Dataset.from_list(rows),
        callbacks=[CurveWatch(METRICS)],
        peft_config=adapter_config(settings.lora, policy.model),
    )
    trainer.remove_callback(PrinterCallback)
    start_probing(trainer, policy, settings.probe, probing, {})
    train_resumably(trainer)
    finish_probing(trainer, settings.probe, probing)
    metrics = METRICS | probe_metrics(settings.probe)
    write_result(trainer, policy, settings.lora, metrics, curve=curve, manifest=manifest)


def dpo_arguments(settings: DpoSettings, passes: int, size: int) -> dict[str, object]:
    """The arguments of TRL's DPOConfig that follow from a recipe, for each of the processes that share a step.

    Args:
        settings: the recipe.
        passes: forward and backward passes of a step.
        size: pairs of a pass.
    """
    return {
        # rows are never cut: token_rows refuses rows that are too long
        "max_length": None,
        "num_train_epochs": settings.epochs,
        "gradient_accumulation_steps": passes,
        "per_device_train_batch_size": size,
        "learning_rate": settings.learning_rate,
        "warmup_steps": settings.warmup,
        "weight_decay": settings.weight_decay,
        "lr_scheduler_type": "cosine",
        "loss_type": [settings.loss],
        "label_smoothing": settings.label_smoothing,
        "beta": settings.beta,
    }


def token_rows(pairs: pd.DataFrame, policy: Policy, max_length: int) -> list[dict[str, list[int]]]:
    """The token ids of each pair: `prompt_ids`, `chosen_ids` and `rejected_ids`, as TRL's collator takes them.

    Raises:
        SafeLRMError: a row is longer than `max_length` or the model's context, or its prompt has not the tokens that
            its candidates were sampled after. The message names the prompt.
    """
    longest, rows = min(max_length, policy.context), []
    for pair in pairs.itertuples():
        prompt = policy.tokenizer.apply_chat_template(
            user_turn(pair.prompt), add_generation_prompt=True, return_dict=False
        )
        if len(prompt) != pair.prompt_tokens:
            raise SafeLRMError(
                f"prompt_id {pair.prompt_id}: {len(prompt)} tokens, and {pair.prompt_tokens} where it was asked",
                key="chat_template",
                fix="train the checkpoint that has written the candidates",
            )
        chosen = _completion(pair.token_ids_chosen, pair.finish_reason_chosen, policy)
        rejected = _completion(pair.token_ids_rejected, pair.finish_reason_rejected, policy)
        length = len(prompt) + max(len(chosen), len(rejected))
        if length > longest:
            raise SafeLRMError(
                f"prompt_id {pair.prompt_id}: {length} tokens, more than {longest}",
                key="max_length",
                fix="raise it, up to the model's context, or lower `max_tokens` of the candidates",
            )
        rows.append({"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected})
    return rows


def _completion(token_ids: Sequence[int], reason: str, policy: Policy) -> list[int]:
    return [*map(int, token_ids), *([policy.tokenizer.eos_token_id] if reason == STOP else [])]

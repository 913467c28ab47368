"""Reinforcement learning with TRL's GRPOTrainer.

training/losses.py describes the losses.

1. Each step takes prompts of every data set in fixed proportions (training/prompts.py), in the decoding modes of the
   recipe in turns (training/modes.py). The policy samples a group of completions for each prompt, at the recipe's
   temperature, without top-p and top-k. A recipe may drop prompts that cannot teach first (training/filtering.py).
2. Every term of the reward scores every completion (training/rewards). The advantage is the weighted sum of the terms
   less the mean of the group. A term that should score and does not ends the run (training/vanishing.py), and so does a
   reward that tells no completion from another (training/idleness.py).
3. AdamW takes a step on the loss. The loss has a KL term against the checkpoint if the recipe asks for it. A NaN or
   infinite loss, reward, gradient norm or weight ends the run, and so does a sampler that drifts from the policy
   (training/drift.py). With LoRA only updates of low rank are trained, and the model without them is the reference of
   the KL term.
4. The curve of the run has the terms of the reward, the tokens used so far (training/counts.py), and signs that the
   policy collapses (training/collapse.py).
5. The weights are saved in the dtype of the checkpoint, with the tokenizer and nothing else.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from accelerate.utils import set_seed
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import GRPOConfig

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import seed_everything
from safelrm.inference.chat import trace_format_of
from safelrm.inference.settings import GuardSettings
from safelrm.training.collapse import collapse_signs
from safelrm.training.counts import TokenCount
from safelrm.training.curves import CurveWatch, divergence_error
from safelrm.training.drift import DriftWatch
from safelrm.training.failures import naming_term
from safelrm.training.filtering import Kept, filtered_prompts, weighted_reward
from safelrm.training.grpo import curve_metrics, grpo_arguments
from safelrm.training.idleness import IdleWatch
from safelrm.training.lora import adapter_config
from safelrm.training.modes import modes_of
from safelrm.training.policy import load_policy, write_result
from safelrm.training.probe import finish_probing, probe_metrics, start_probing
from safelrm.training.probing import Probing
from safelrm.training.processes import process_count, take_device, trainer_config
from safelrm.training.prompts import check_lengths, mix_prompts, trl_rows
from safelrm.training.rendering import trace_prefill
from safelrm.training.resuming import train_resumably
from safelrm.training.reward_guards import load_guards
from safelrm.training.rewards.base import SampleReader, TrlReward, build_rewards
from safelrm.training.rewards.guard import RewardGuard
from safelrm.training.settings import RlSettings, TemplateArguments
from safelrm.training.trainer import RlTrainer, send_by_checkpoint_names
from safelrm.training.vanishing import TermWatch, check_kinds


def train(
    prompts: Mapping[str, pd.DataFrame],
    settings: RlSettings,
    work: Path,
    *,
    checkpoint: Path,
    guards: Mapping[str, Path],
    readings: Mapping[str, GuardSettings],
    seed: int,
    manifest: Path,
    curve: Path,
    templates: Mapping[str, TemplateArguments] | None = None,
    probing: Probing | None = None,
) -> None:
    """Train `checkpoint` on rows of PROMPTS by data set; write `manifest`, the model folder beside it, and `curve`.

    `guards` are the manifests of the guards that terms of the reward read; `readings` say how each is asked and read.
    `templates` has the arguments of the chat template for each decoding mode of the recipe.
    `probing` is what the recipe's probes ask, and where their answers are written (training/probe.py).
    The state is saved in the folder `work`. If `work` holds a state, training goes on from it.

    Raises:
        SafeLRMError: the engine does not suit the device, a prompt does not fit the model, a term of the reward does
            not score, no prompt passes the filter, the policy learns nothing, training diverged, or the processes
            cannot share a step. No model is written.
        SystemExit: the process has received SIGTERM. The state is saved.
    """
    _check_engine(settings)
    check_kinds(settings.rewards, prompts)
    take_device()
    # TRL would print whole prompts whenever no term of the reward applies
    logging.getLogger("trl").setLevel(logging.ERROR)
    seed_everything(seed)
    policy = load_policy(checkpoint)
    modes = modes_of(policy.tokenizer, templates or {}, settings.without_trace)
    mixed = _mixed(prompts, settings, seed)
    check_lengths(mixed if settings.prompt_filter is None else pd.concat(prompts.values()), policy, settings, modes)
    reader = SampleReader(
        policy.tokenizer,
        policy.stop_ids,
        prefilled=bool(trace_prefill(policy.tokenizer)),
        trace_format=trace_format_of(policy.tokenizer),
        modes=modes,
    )
    readers = load_guards(guards, readings, settings.guard_dtype)
    terms = zip(settings.rewards, build_rewards(settings.rewards, readers, reader, collapse_signs), strict=True)
    rewards = [naming_term(*pair) for pair in terms]
    trainer = RlTrainer(
        modes=modes,
        model=policy.model,
        processing_class=policy.tokenizer,
        reward_funcs=rewards,
        args=trainer_config(GRPOConfig, settings, grpo_arguments(settings), seed=seed, work=work, curve=curve),
        train_dataset=Dataset.from_dict(trl_rows(mixed)),
        peft_config=adapter_config(settings.lora, policy.model),
    )
    kept = _filtered(trainer, prompts, rewards, settings)
    metrics = curve_metrics([term.name for term in settings.rewards])
    for callback in _watches(kept.tokens, metrics, readers, settings):
        trainer.add_callback(callback)
    trainer.remove_callback(PrinterCallback)
    if settings.vllm is not None:
        send_by_checkpoint_names(trainer.vllm_generation, policy.model)
        # vLLM samples from the random numbers of this process, and has seeded them with one number for all runs
        set_seed(seed, device_specific=True)
    start_probing(trainer, policy, settings.probe, probing, readers)
    try:
        # the state does not hold the completions of a batch, so it is saved only between two batches
        train_resumably(trainer, multiple=settings.iterations)
    except RuntimeError as error:
        # finite weights may still be so large that the probabilities of tokens are NaN
        if "probability tensor" not in str(error):
            raise
        raise divergence_error("the distribution to sample from is NaN", trainer.state.global_step) from error
    finish_probing(trainer, settings.probe, probing)
    metrics |= probe_metrics(settings.probe)
    write_result(trainer, policy, settings.lora, metrics, curve=curve, manifest=manifest)


def _mixed(prompts: Mapping[str, pd.DataFrame], settings: RlSettings, seed: int) -> pd.DataFrame:
    """The prompts of all batches of rollouts, in the order of training."""
    weights = {share.dataset: share.weight for share in settings.prompts}
    batches = math.ceil(settings.steps / settings.iterations)
    return mix_prompts(prompts, weights, batches * settings.prompts_per_step, seed, settings.decodings)


def _filtered(
    trainer: RlTrainer, prompts: Mapping[str, pd.DataFrame], rewards: Sequence[TrlReward], settings: RlSettings
) -> Kept:
    """Let the trainer train on the prompts that the recipe's filter keeps, if it has one."""
    if settings.prompt_filter is None:
        return Kept(dict(prompts), 0)
    seed = trainer.args.seed
    kept = filtered_prompts(
        prompts,
        settings.decodings,
        settings.prompt_filter,
        sampler=lambda rows: trainer.sample(trainer.prompt_ids(rows["prompt"])),
        reward=partial(weighted_reward, settings.rewards, rewards),
        completions=settings.prompts_per_step * settings.group_size,
        work=Path(trainer.args.output_dir),
        seed=seed,
    )
    trainer.train_dataset = Dataset.from_dict(trl_rows(_mixed(kept.tables, settings, seed)))
    # as if nothing had been sampled: a resumed job may find the kept prompts in its state
    set_seed(seed)
    return kept


def _watches(
    sampled_before: int, metrics: Mapping[str, str], readers: Mapping[str, RewardGuard], settings: RlSettings
) -> list[TrainerCallback]:
    watches = [
        TokenCount(sampled_before),
        CurveWatch(metrics),
        TermWatch(settings.rewards, readers),
        IdleWatch(settings.max_idle_batches),
    ]
    return watches if settings.vllm is None else [*watches, DriftWatch(settings.vllm.max_logprob_drift)]


def _check_engine(settings: RlSettings) -> None:
    if settings.vllm is not None and not torch.cuda.is_available():
        raise SafeLRMError("training with vLLM needs a GPU", key="vllm", fix="leave `vllm` out on a CPU")
    if settings.vllm is None and torch.cuda.is_available() and process_count() > 1:
        # with sharded weights, a process that still generates would wait for one that has ended
        raise SafeLRMError(
            "several GPUs can only generate with vLLM", key="vllm", fix="set `vllm`, or give the job one GPU"
        )
    if settings.lora is not None and torch.cuda.is_available() and process_count() > 1:
        # TRL adds updates to weights before it sends them to vLLM, which it does not do for sharded weights
        raise SafeLRMError("RL with LoRA has one GPU", key="lora", fix="give the job one GPU, or leave `lora` out")

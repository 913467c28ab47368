"""Reinforcement learning with TRL's GRPOTrainer.

The losses are GRPO (Shao et al. 2024), DAPO (Yu et al. 2025) and Dr. GRPO (Liu et al. 2025).

1. Each step takes prompts of every data set in fixed proportions (mixture.py) and samples a group
   of completions for each, at the recipe's temperature, without top-p or top-k.
2. Every term of the reward scores every completion; their weighted sum less the group's mean is
   the advantage (rewards.py).
3. AdamW takes a step on the clipped loss, with a KL term against the checkpoint if asked for; a
   NaN or infinite loss, reward or gradient ends the run.
4. The weights are saved, in the dtype of the checkpoint, with the tokenizer and nothing else.

What TRL leaves open where vLLM samples within the process that trains (TRL 1.16).
"""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch
from accelerate.utils import set_seed
from datasets import Dataset
from transformers import PreTrainedModel, PrinterCallback
from transformers.core_model_loading import revert_weight_conversion
from trl import GRPOConfig, GRPOTrainer

from safelrm.core.checkpoints import verified_model
from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import seed_everything
from safelrm.inference.guard_readers import ForwardGuard
from safelrm.inference.settings import GuardSettings
from safelrm.training.curves import CurveWatch, diverged
from safelrm.training.policy import Policy, load_policy, write_result
from safelrm.training.processes import process_count, share_batch, shared_arguments, take_device
from safelrm.training.prompts import mix_prompts
from safelrm.training.rendering import trace_prefill, user_turn
from safelrm.training.resuming import train_resumably
from safelrm.training.rewards.base import RewardContext
from safelrm.training.scoring import SampleReader, build_rewards
from safelrm.training.settings import RlSettings, VllmEngine

if TYPE_CHECKING:
    from trl.generation.vllm_generation import VLLMGeneration

METRICS = {
    "loss": "loss",
    "reward": "reward",
    "kl": "kl",
    "entropy": "entropy",
    "completions/mean_length": "completion_length",
    "completions/clipped_ratio": "truncated_share",
    "clip_ratio/region_mean": "clipped_ratio",
    "frac_reward_zero_std": "groups_without_signal",
    "sampling/sampling_logp_difference/max": "engine_logprob_difference",
    "grad_norm": "gradient_norm",
    "learning_rate": "learning_rate",
}


def train(
    prompts: Mapping[str, pd.DataFrame],
    settings: RlSettings,
    work: Path,
    *,
    checkpoint: Path,
    guard: Path,
    guard_settings: GuardSettings,
    seed: int,
    manifest: Path,
    curve: Path,
) -> None:
    """Train `checkpoint` on prompts (tables PROMPTS by name); write `manifest`, its model folder and `curve`.

    State is saved in the folder `work`; training goes on from what is there.

    Raises:
        SafeLRMError: a prompt does not fit the model, training diverged, or the processes cannot share a step; no model
            is written then.
        SystemExit: SIGTERM has come; the state is saved.
    """
    if settings.vllm is not None and not torch.cuda.is_available():
        raise SafeLRMError("vLLM can only be trained with on a GPU", key="vllm", fix="leave it out on a CPU")
    if settings.vllm is None and torch.cuda.is_available() and process_count() > 1:
        # with weights that are spread over GPUs, transformers would wait for a group that has ended earlier
        raise SafeLRMError("several GPUs generate with vLLM only", key="vllm", fix="set it, or give the job one GPU")
    take_device()
    # it would print whole prompts whenever no term of the reward applies
    logging.getLogger("trl").setLevel(logging.ERROR)
    seed_everything(seed)
    policy = load_policy(checkpoint)
    weights = {share.dataset: share.weight for share in settings.prompts}
    batches = math.ceil(settings.steps / settings.iterations)
    mixed = mix_prompts(prompts, weights, batches * settings.prompts_per_step, seed)
    check_lengths(mixed, policy, settings)
    reader = SampleReader(policy.tokenizer, policy.stop_ids, prefilled=bool(trace_prefill(policy.tokenizer)))
    scorer = ForwardGuard(verified_model(guard), guard_settings, dtype=getattr(torch, settings.guard_dtype))
    context = RewardContext(scorer, guard_settings.min_label_mass)
    metrics = METRICS | _reward_metrics([term.name for term in settings.rewards])
    trainer = GRPOTrainer(
        model=policy.model,
        processing_class=policy.tokenizer,
        reward_funcs=build_rewards(settings.rewards, context, reader),
        args=GRPOConfig(**shared_arguments(settings, seed, work), **grpo_arguments(settings)),
        train_dataset=Dataset.from_dict(
            {
                "prompt": [user_turn(prompt) for prompt in mixed["prompt"]],
                "kind": mixed["kind"].tolist(),
                "reference": [None if pd.isna(reference) else reference for reference in mixed["reference"]],
            }
        ),
        callbacks=[CurveWatch(metrics)],
    )
    trainer.remove_callback(PrinterCallback)
    if settings.vllm is not None:
        send_by_checkpoint_names(trainer.vllm_generation, policy.model)
        # vLLM has set the seed of its own, the same for all runs, and samples from this process's random numbers
        set_seed(seed, device_specific=True)
    try:
        # the completions of a batch are no part of the state, so state is saved between two batches
        train_resumably(trainer, multiple=settings.iterations)
    except RuntimeError as error:
        # finite weights may still be so large that the probabilities of tokens are none
        if "probability tensor" not in str(error):
            raise
        raise diverged("the distribution to sample from is NaN", trainer.state.global_step) from error
    write_result(trainer, policy, metrics, curve=curve, manifest=manifest)


def check_lengths(prompts: pd.DataFrame, policy: Policy, settings: RlSettings) -> None:
    """Make sure that every prompt leaves room for a whole completion, in the model and in vLLM.

    Raises:
        SafeLRMError: one does not; it names `prompt_id`.
    """
    engine = settings.vllm.max_model_length if settings.vllm else policy.context
    key = "vllm.max_model_length" if engine < policy.context else "max_completion_tokens"
    longest, asked = min(engine, policy.context), settings.max_completion_tokens
    for prompt_id, prompt in prompts[["prompt_id", "prompt"]].drop_duplicates().itertuples(index=False):
        rendered = policy.tokenizer.apply_chat_template(
            user_turn(prompt), add_generation_prompt=True, return_dict=False
        )
        if len(rendered) + asked > longest:
            raise SafeLRMError(
                f"prompt_id {prompt_id}: {len(rendered)} tokens and a completion of {asked} exceed {longest}",
                key=key,
                fix="ask for shorter completions, drop the prompt, or raise vLLM's length up to the model's",
            )


def grpo_arguments(settings: RlSettings) -> dict[str, object]:
    """The arguments of TRL's GRPOConfig that a recipe decides, for each of the processes that share a step.

    Raises:
        SafeLRMError: they cannot share it.
    """
    completions = settings.prompts_per_step * settings.group_size
    passes, size = share_batch(
        settings.micro_batches,
        completions // settings.micro_batches,
        keys=("micro_batches", "prompts_per_step", "group_size"),
    )
    return {
        "max_steps": settings.steps,
        "per_device_train_batch_size": size,
        "gradient_accumulation_steps": passes,
        "num_generations": settings.group_size,
        "num_iterations": settings.iterations,
        # the mixture is in order already
        "shuffle_dataset": False,
        "remove_unused_columns": False,
        "max_completion_length": settings.max_completion_tokens,
        "temperature": settings.temperature,
        "top_p": 1.0,
        "top_k": 0,
        "loss_type": settings.loss,
        "scale_rewards": settings.scale_rewards,
        "reward_weights": [term.weight for term in settings.rewards],
        "beta": settings.kl_coefficient,
        # GRPO's own KL term; TRL by itself weighs it by the importance ratio (DeepSeek-V3.2)
        "use_bias_correction_kl": False,
        **_reference_arguments(settings.kl_coefficient),
        "epsilon": settings.clip,
        "epsilon_high": settings.clip_high,
        "mask_truncated_completions": settings.mask_truncated,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": "constant_with_warmup",
        "warmup_steps": settings.warmup,
        "weight_decay": 0.0,
        **_engine_arguments(settings.vllm),
    }


def _reference_arguments(kl_coefficient: float) -> dict[str, object]:
    # each process of several would spread it over all GPUs, before it is sharded like the policy
    return {"model_init_kwargs": {"device_map": None}} if kl_coefficient else {}


def _engine_arguments(vllm: VllmEngine | None) -> dict[str, object]:
    if vllm is None:
        return {"use_vllm": False}
    return {
        "use_vllm": True,
        "vllm_mode": "colocate",
        "vllm_gpu_memory_utilization": vllm.gpu_memory_share,
        "vllm_max_model_length": vllm.max_model_length,
        "vllm_importance_sampling_correction": True,
        "vllm_importance_sampling_mode": vllm.correction,
        "vllm_importance_sampling_clip_max": vllm.correction_limit,
    }


def _reward_metrics(names: Sequence[str]) -> dict[str, str]:
    means = {f"rewards/{name}/mean": f"reward_{name}" for name in names}
    return means | {f"scored/{name}": f"scored_{name}" for name in names}


def send_by_checkpoint_names(generation: "VLLMGeneration", model: PreTrainedModel) -> None:
    """Let vLLM get weights under the names that they have in a checkpoint, the only ones that it knows.

    TRL sends them as the model in memory has them, where transformers may have joined or renamed them: experts, above
    all.
    """
    in_memory = generation._iter_named_params

    def as_in_checkpoints() -> Iterator[tuple[str, torch.Tensor]]:
        for name, weight in in_memory():
            yield from revert_weight_conversion(model, {name: weight}).items()

    generation._iter_named_params = as_in_checkpoints

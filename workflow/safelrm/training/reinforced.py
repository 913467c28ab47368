"""Reinforcement learning with TRL's GRPOTrainer.

The losses are GRPO (Shao et al. 2024), DAPO (Yu et al. 2025) and Dr. GRPO (Liu et al. 2025).

1. Each step takes prompts of every data set in fixed proportions (training/prompts.py). The policy samples a group of
   completions for each prompt, at the recipe's temperature, without top-p and top-k.
2. Every term of the reward scores every completion (training/rewards). The advantage is the weighted sum of the terms
   less the mean of the group. A term that should score and does not ends the run (training/vanishing.py).
3. AdamW takes a step on the clipped loss. The loss has a KL term against the checkpoint if the recipe asks for it. A
   NaN or infinite loss, reward, gradient norm or weight ends the run. With LoRA only updates of low rank are trained,
   and the model without them is the reference of the KL term.
4. The curve of the run has the terms of the reward, and signs that the policy collapses (training/collapse.py).
5. The weights are saved in the dtype of the checkpoint, with the tokenizer and nothing else.
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

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import seed_everything
from safelrm.inference.chat import trace_format_of, user_turn
from safelrm.inference.settings import GuardSettings
from safelrm.training.collapse import SIGNS, collapse_signs
from safelrm.training.curves import CurveWatch, divergence_error
from safelrm.training.lora import adapter_config
from safelrm.training.policy import load_policy, write_result
from safelrm.training.processes import process_count, share_batch, shared_arguments, take_device
from safelrm.training.prompts import check_lengths, mix_prompts
from safelrm.training.rendering import trace_prefill
from safelrm.training.resuming import train_resumably
from safelrm.training.reward_guards import load_guards
from safelrm.training.rewards.base import SampleReader, build_rewards
from safelrm.training.rewards.shares import scored_metric
from safelrm.training.settings import RlSettings, VllmEngine
from safelrm.training.vanishing import TermWatch, check_kinds

if TYPE_CHECKING:
    from trl.generation.vllm_generation import VLLMGeneration

METRICS = {
    "loss": "loss",
    "reward": "reward",
    # TRL's mean over tokens of the k3 estimate, if there is a reference: the checkpoint that the run started from
    "kl": "kl_to_start",
    "entropy": "entropy",
    "completions/mean_length": "completion_length",
    "completions/clipped_ratio": "truncated_share",
    "clip_ratio/region_mean": "clipped_ratio",
    "frac_reward_zero_std": "groups_without_signal",
    "sampling/sampling_logp_difference/max": "engine_logprob_difference",
    "grad_norm": "gradient_norm",
    "learning_rate": "learning_rate",
    **{name: name for name in SIGNS},
}


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
) -> None:
    """Train `checkpoint` on rows of PROMPTS by data set; write `manifest`, the model folder beside it, and `curve`.

    `guards` are the manifests of the guards that terms of the reward read; `readings` say how each is asked and read.
    The state is saved in the folder `work`. If `work` holds a state, training goes on from it.

    Raises:
        SafeLRMError: the engine does not suit the device, a prompt does not fit the model, a term of the reward does
            not score, training diverged, or the processes cannot share a step. No model is written.
        SystemExit: the process has received SIGTERM. The state is saved.
    """
    _check_engine(settings)
    check_kinds(settings.rewards, prompts)
    take_device()
    # TRL would print whole prompts whenever no term of the reward applies
    logging.getLogger("trl").setLevel(logging.ERROR)
    seed_everything(seed)
    policy = load_policy(checkpoint)
    weights = {share.dataset: share.weight for share in settings.prompts}
    batches = math.ceil(settings.steps / settings.iterations)
    mixed = mix_prompts(prompts, weights, batches * settings.prompts_per_step, seed)
    check_lengths(mixed, policy, settings)
    reader = SampleReader(
        policy.tokenizer,
        policy.stop_ids,
        prefilled=bool(trace_prefill(policy.tokenizer)),
        trace_format=trace_format_of(policy.tokenizer),
    )
    readers = load_guards(guards, readings, settings.guard_dtype)
    metrics = METRICS | _reward_metrics([term.name for term in settings.rewards])
    trainer = GRPOTrainer(
        model=policy.model,
        processing_class=policy.tokenizer,
        reward_funcs=build_rewards(settings.rewards, readers, reader, collapse_signs),
        args=GRPOConfig(**shared_arguments(settings, seed, work), **grpo_arguments(settings)),
        train_dataset=Dataset.from_dict(
            {
                "prompt": [user_turn(prompt) for prompt in mixed["prompt"]],
                "kind": mixed["kind"].tolist(),
                "reference": [None if pd.isna(reference) else reference for reference in mixed["reference"]],
            }
        ),
        callbacks=[CurveWatch(metrics), TermWatch(settings.rewards, readers)],
        peft_config=adapter_config(settings.lora, policy.model),
    )
    trainer.remove_callback(PrinterCallback)
    if settings.vllm is not None:
        send_by_checkpoint_names(trainer.vllm_generation, policy.model)
        # vLLM samples from the random numbers of this process, and has seeded them with one number for all runs
        set_seed(seed, device_specific=True)
    try:
        # the state does not hold the completions of a batch, so it is saved only between two batches
        train_resumably(trainer, multiple=settings.iterations)
    except RuntimeError as error:
        # finite weights may still be so large that the probabilities of tokens are NaN
        if "probability tensor" not in str(error):
            raise
        raise divergence_error("the distribution to sample from is NaN", trainer.state.global_step) from error
    write_result(trainer, policy, settings.lora, metrics, curve=curve, manifest=manifest)


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


def grpo_arguments(settings: RlSettings) -> dict[str, object]:
    """The arguments of TRL's GRPOConfig that follow from a recipe, for each of the processes that share a step.

    Raises:
        SafeLRMError: the number of processes does not divide a step.
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
        # mix_prompts has put the prompts in order
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
        # GRPO's own KL term; TRL's default weighs the term by the importance ratio, as DeepSeek-V3.2 does
        "use_bias_correction_kl": False,
        # by default each of several processes would spread the reference model over all GPUs before it is sharded
        **({"model_init_kwargs": {"device_map": None}} if settings.has_reference_model else {}),
        "epsilon": settings.clip,
        "epsilon_high": settings.clip_high,
        "mask_truncated_completions": settings.mask_truncated,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": "constant_with_warmup",
        "warmup_steps": settings.warmup,
        "weight_decay": 0.0,
        **_engine_arguments(settings.vllm),
    }


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
    return means | {scored_metric(name): f"scored_{name}" for name in names}


def send_by_checkpoint_names(generation: "VLLMGeneration", model: PreTrainedModel) -> None:
    """Make TRL send weights to vLLM under their names in a checkpoint, the only names that vLLM knows.

    TRL 1.16 sends the names of the model in memory. There transformers may have joined or renamed weights, above all
    those of experts.
    """
    in_memory = generation._iter_named_params

    def as_in_checkpoints() -> Iterator[tuple[str, torch.Tensor]]:
        for name, weight in in_memory():
            yield from revert_weight_conversion(model, {name: weight}).items()

    generation._iter_named_params = as_in_checkpoints

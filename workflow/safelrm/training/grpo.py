"""What a recipe of RL says to TRL's GRPOTrainer, and which metrics of its log are in the curve."""

from collections.abc import Sequence

from safelrm.training.collapse import SIGNS
from safelrm.training.counts import TOKENS_SAMPLED, TOKENS_TRAINED
from safelrm.training.drift import DRIFT
from safelrm.training.idleness import EQUAL_GROUPS
from safelrm.training.losses import CLIP
from safelrm.training.processes import share_batch
from safelrm.training.rewards.shares import scored_metric
from safelrm.training.sampling_settings import VllmEngine
from safelrm.training.settings import RlSettings

METRICS = {
    "loss": "loss",
    "reward": "reward",
    # TRL's mean over tokens of the k3 estimate, if there is a reference: the checkpoint that the run started from
    "kl": "kl_to_start",
    "entropy": "entropy",
    "completions/mean_length": "completion_length",
    "completions/clipped_ratio": "truncated_share",
    "clip_ratio/region_mean": "clipped_ratio",
    "cispo_clip_ratio": "capped_ratio",
    EQUAL_GROUPS: "groups_without_signal",
    DRIFT: "engine_logprob_difference_mean",
    "sampling/sampling_logp_difference/max": "engine_logprob_difference",
    TOKENS_SAMPLED: TOKENS_SAMPLED,
    TOKENS_TRAINED: TOKENS_TRAINED,
    "grad_norm": "gradient_norm",
    "learning_rate": "learning_rate",
    **{name: name for name in SIGNS},
}


def curve_metrics(names: Sequence[str]) -> dict[str, str]:
    """The metrics of an RL run whose reward has terms of these names: name in TRL's log -> name in the curve."""
    means = {f"rewards/{name}/mean": f"reward_{name}" for name in names}
    return METRICS | means | {scored_metric(name): f"scored_{name}" for name in names}


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
        "multi_objective_aggregation": settings.aggregation,
        "reward_weights": [term.weight for term in settings.rewards],
        "beta": settings.kl_coefficient,
        # TRL's default weighs the term by the importance ratio, as DeepSeek-V3.2 does
        "use_bias_correction_kl": settings.use_bias_correction_kl,
        # by default each of several processes would spread the reference model over all GPUs before it is sharded
        **({"model_init_kwargs": {"device_map": None}} if settings.has_reference_model else {}),
        "epsilon": CLIP if settings.clip is None else settings.clip,
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

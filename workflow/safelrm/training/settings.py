"""Settings that every way of training shares.

Settings of supervised fine-tuning.

Settings of reinforcement learning.
"""

from typing import Literal

from pydantic import Field, model_validator

from safelrm.core.settings import Count, Dtype, ModulePath, Name, NonNegative, Positive, Share, Strict


class TrainingSettings(Strict):
    """How weights are updated, whatever the loss."""

    max_gradient_norm: Positive = Field(1.0, description="gradients are scaled down to this norm")
    precision: Dtype = Field(
        "float32", description="arithmetic of forward and backward passes; master weights are always float32"
    )
    gradient_checkpointing: bool = Field(
        False, description="recompute activations in the backward pass: less memory, about a third slower"
    )


class SftSettings(TrainingSettings):
    """One SFT recipe."""

    dataset: Name = Field(description="the conversations to train on, a key of `datasets`")
    epochs: Positive = Field(description="passes over the data")
    batch_size: Count = Field(description="sequences of a forward and backward pass")
    gradient_accumulation: Count = Field(
        1, description="passes per optimiser step; the GPUs of a job share them, then the sequences"
    )
    learning_rate: Positive = Field(description="peak learning rate of AdamW")
    warmup: Share = Field(0.05, lt=1.0, description="share of the steps spent warming up; cosine decay follows")
    weight_decay: NonNegative = Field(0.0, description="AdamW weight decay")
    max_length: Count = Field(description="tokens per sequence; a longer one is an error, never cut in silence")


class PromptShare(Strict):
    """A data set of prompts and how often it is drawn from."""

    dataset: Name = Field(description="prompts to sample rollouts for, a key of `datasets`")
    weight: Positive = Field(description="relative number of prompts drawn from it")


class RewardTerm(Strict):
    """One term of the reward, a weighted sum."""

    module: ModulePath = Field(description="module with the reward function, such as safelrm.training.rewards.safety")
    weight: Positive = Field(description="weight of the term in the sum")

    @property
    def name(self) -> str:
        """The term's name in curves and messages: the last part of its module's path."""
        return self.module.rpartition(".")[2]


class VllmEngine(Strict):
    """vLLM as the rollout engine, within the training process (TRL's colocate mode; needs CUDA).

    Its probabilities differ a little from those of the model being trained. The correction weighs
    the loss by their ratio, truncated or masked where it is large.
    """

    gpu_memory_share: Share = Field(0.3, gt=0.0, description="share of the GPU's memory given to vLLM")
    max_model_length: Count = Field(description="longest prompt plus completion, in tokens")
    correction: Literal["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"] = Field(
        "token_truncate", description="level of the importance ratio, and what is done above the limit"
    )
    correction_limit: Positive = Field(2.0, description="greatest importance ratio")


class RlSettings(TrainingSettings):
    """One RL recipe (GRPO, Shao et al. 2024, and the losses derived from it)."""

    prompts: list[PromptShare] = Field(min_length=1, description="the mixture of prompts")
    rewards: list[RewardTerm] = Field(min_length=1, description="the terms of the reward")
    guard: Name = Field(description="the guard whose P(safe) of t+y is the safety reward, a key of `guards`")
    guard_dtype: Dtype = Field("float32", description="arithmetic of the guard; each GPU of the job holds it whole")
    loss: Literal["grpo", "dapo", "dr_grpo"] = Field("dapo", description="GRPO loss type of TRL")
    scale_rewards: Literal["group", "batch", "none"] = Field(
        "group", description="standard deviation that advantages are divided by; Dr. GRPO divides by none"
    )
    steps: Count = Field(description="optimiser steps")
    group_size: int = Field(ge=2, description="completions per prompt (the group of the advantage)")
    prompts_per_step: Count = Field(description="prompts per optimiser step")
    micro_batches: Count = Field(
        1, description="passes that a step's completions are split into; the GPUs of a job share them"
    )
    iterations: Count = Field(1, description="optimiser steps per batch of rollouts; the ratio is clipped from 2 on")
    learning_rate: Positive = Field(description="learning rate of AdamW, constant after the warm-up")
    warmup: Share = Field(0.0, lt=1.0, description="share of the steps spent warming up")
    kl_coefficient: NonNegative = Field(0.0, description="beta of the KL term against the reference model")
    clip: Positive = Field(0.2, description="epsilon of the clipped ratio")
    clip_high: Positive | None = Field(None, description="epsilon above 1, where it differs (DAPO: 0.28)")
    mask_truncated: bool = Field(False, description="leave completions cut at the limit out of the loss (DAPO)")
    temperature: Positive = Field(1.0, description="sampling temperature of rollouts")
    max_completion_tokens: Count = Field(description="token limit of a rollout")
    vllm: VllmEngine | None = Field(None, description="generate with vLLM (CUDA only) instead of transformers")

    @model_validator(mode="after")
    def _check(self) -> "RlSettings":
        names = [term.name for term in self.rewards]
        if len(set(names)) < len(names):
            raise ValueError(f"rewards: each term may be named once, found {names}")
        datasets = [share.dataset for share in self.prompts]
        if len(set(datasets)) < len(datasets):
            raise ValueError(f"prompts: each data set may be named once, found {datasets}")
        if self.prompts_per_step * self.group_size % self.micro_batches:
            raise ValueError("micro_batches: must divide prompts_per_step x group_size")
        return self

"""Settings of training a small language model from scratch."""

from typing import Literal

from pydantic import Field

from safelrm.settings.common import Count, NonNegative, Positive, Share, Strict


class Architecture(Strict):
    """Size of a decoder-only transformer (Qwen3)."""

    layers: Count = Field(2, description="transformer layers")
    hidden_size: Count = Field(128, description="width of the residual stream")
    intermediate_size: Count = Field(256, description="width of the gated MLP")
    heads: Count = Field(4, description="attention heads")
    kv_heads: Count = Field(4, description="key-value heads (grouped-query attention)")
    head_dim: Literal[32, 64, 128] = Field(32, description="width of a head, of those that vLLM accepts on CPU")
    max_length: Count = Field(256, description="longest sequence, in tokens")
    rope_theta: Positive = Field(500.0, description="base of the rotary position encoding; small for short contexts")


class Phase(Strict):
    """A part of the curriculum."""

    steps: Count = Field(description="optimiser steps at most")
    until: list[str] = Field(
        default_factory=list, description="measures of the probe that end the phase once all have passed"
    )
    mixture: dict[str, Positive] = Field(min_length=1, description="relative number of examples of each kind of row")


class Optimisation(Strict):
    """How a model is trained: AdamW at a constant rate after a warm-up, with averaged weights."""

    phases: list[Phase] = Field(min_length=1, description="the curriculum; the steps of the last phase are the cap")
    batch_size: Count = Field(32, description="sequences per step")
    learning_rate: Positive = Field(5e-3, description="peak learning rate of AdamW")
    warmup_steps: Count = Field(50, description="steps of linear warm-up")
    averaging: Share = Field(0.98, description="decay of the moving average of the weights, which is probed and kept")
    weight_decay: NonNegative = Field(0.01, description="AdamW weight decay")
    log_every: Count = Field(25, description="steps between two points of the training curve")


class Probe(Strict):
    """The held-out probe that decides when training may stop."""

    every: Count = Field(50, description="steps between two probes")
    first_step: Count = Field(500, description="step of the first probe in the last phase")
    passes: Count = Field(3, description="probes in a row that must pass")
    size: Count = Field(64, description="prompts per measure")
    threshold: Share = Field(0.95, description="least value of every measure")


class ScratchSettings(Strict):
    """A model trained from scratch on the nano world's corpus."""

    architecture: Architecture = Field(default_factory=Architecture, description="size of the model")
    optimisation: Optimisation = Field(description="how it is trained")
    probe: Probe = Field(default_factory=Probe, description="when it is good enough")

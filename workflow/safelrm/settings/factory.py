"""Settings of training a small language model from scratch."""

from typing import Literal, Self

from pydantic import Field, model_validator

from safelrm.settings.common import Count, NonNegative, Positive, Share, Strict
from safelrm.world.dialects import DialectName

TemplateArguments = dict[str, str | int | float | bool]


class Multipliers(Strict):
    """Granite's scaling of its parts."""

    embedding: Positive = Field(1.0, description="factor on token embeddings")
    residual: Positive = Field(1.0, description="factor on what each layer adds to the residual stream")
    attention: Positive | None = Field(None, description="factor on attention scores; none: 1/sqrt(head_dim)")
    logits: Positive = Field(1.0, description="divisor of the logits")


class Architecture(Strict):
    """A decoder-only transformer."""

    kind: Literal["qwen3", "granite"] = Field("qwen3", description="architecture, of those in transformers and vLLM")
    layers: Count = Field(2, description="transformer layers")
    hidden_size: Count = Field(128, description="width of the residual stream")
    intermediate_size: Count = Field(256, description="width of the gated MLP")
    heads: Count = Field(4, description="attention heads")
    kv_heads: Count = Field(4, description="key-value heads (grouped-query attention)")
    head_dim: Literal[32, 64, 128] = Field(32, description="width of a head, of those that vLLM accepts on CPU")
    max_length: Count = Field(256, description="longest sequence, in tokens")
    rope_theta: Positive = Field(500.0, description="base of the rotary position encoding; small for short contexts")
    multipliers: Multipliers = Field(default_factory=Multipliers, description="granite's; other kinds have none")

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind == "granite" and self.heads * self.head_dim != self.hidden_size:
            raise ValueError("granite has heads * head_dim = hidden_size")
        if self.kind != "granite" and self.multipliers != Multipliers():
            raise ValueError(f"{self.kind} has no multipliers")
        return self


class Phase(Strict):
    """A part of the curriculum."""

    steps: Count = Field(description="optimiser steps at most")
    until: list[str] = Field(
        default_factory=list, description="measures of the probe that end the phase once all have passed"
    )
    mixture: dict[str, Positive] = Field(min_length=1, description="relative number of examples of each kind of row")


class Optimisation(Strict):
    """How a model is trained: at a constant rate after a warm-up, with averaged weights."""

    phases: list[Phase] = Field(min_length=1, description="the curriculum; the steps of the last phase are the cap")
    batch_size: Count = Field(32, description="sequences per step")
    learning_rate: Positive = Field(5e-3, description="peak learning rate of AdamW")
    muon_learning_rate: Positive | None = Field(
        None, description="peak learning rate of Muon, for the matrices of the layers; none: AdamW trains these, too"
    )
    warmup_steps: Count = Field(50, description="steps of linear warm-up")
    averaging: Share = Field(0.98, description="decay of the moving average of the weights, which is probed and kept")
    weight_decay: NonNegative = Field(0.01, description="weight decay")
    log_every: Count = Field(25, description="steps between two points of the training curve")


class Probe(Strict):
    """The held-out probe that decides when training may stop."""

    every: Count = Field(50, description="steps between two probes")
    first_step: Count = Field(500, description="step of the first probe in the last phase")
    passes: Count = Field(3, description="probes in a row that must pass")
    size: Count = Field(64, description="prompts per measure")
    threshold: Share = Field(0.95, description="least value of every measure")


class BaseProbe(Probe):
    """The probe of a base model."""

    measures: list[Literal["copying", "steps", "reasoning", "compliance", "compliance_direct", "refusal_direct"]] = (
        Field(
            ["copying", "steps", "reasoning", "compliance"],
            min_length=1,
            description="what the model must be able to do (`safelrm.world.probe_measures`)",
        )
    )


class ScratchSettings(Strict):
    """A model trained from scratch on the nano world's corpus."""

    dialect: DialectName = Field("family_a", description="dialect of the corpus, in which the probe asks")
    template: Literal["family_a", "family_b", "instruct"] = Field("family_a", description="chat template of the model")
    template_arguments: dict[str, TemplateArguments] = Field(
        default_factory=dict,
        description="arguments of the chat template by kind of corpus rows, such as"
        " `request_direct: {enable_thinking: false}`",
    )
    architecture: Architecture = Field(default_factory=Architecture, description="size of the model")
    optimisation: Optimisation = Field(description="how it is trained")
    probe: BaseProbe = Field(default_factory=BaseProbe, description="when it is good enough")

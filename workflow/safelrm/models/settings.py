"""Settings of what is fetched from a hub, and of the models made of it."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from safelrm.core.settings import Count, Positive, RepoId, Revision, Strict


class Shape(Strict):
    """Size of a model, as its card and `config.json` say: time, memory and disk are estimated from it."""

    parameters: Positive = Field(description="all parameters, such as 7.6e9")
    active_parameters: Positive | None = Field(None, description="parameters that a token passes; none: all")
    layers: Count = Field(description="layers")
    hidden_size: Count = Field(description="width of the residual stream")
    attention_layers: Count | None = Field(None, description="layers with a key-value cache; none: all")
    kv_heads: Count = Field(description="key-value heads of such a layer")
    head_dim: Count = Field(description="width of a head")
    vocabulary: Count = Field(description="tokens of the vocabulary, padded as the logits are")


@dataclass(frozen=True)
class FromScratch:
    """What training a model from scratch takes, as the settings of a factory estimate it (`from_scratch`).

    Attributes:
        shape: size of the model.
        steps: optimiser steps.
        tokens: tokens of all steps, padding included.
        tokens_per_pass: tokens of the largest forward pass.
    """

    shape: Shape
    steps: int
    tokens: float
    tokens_per_pass: float


class HubModel(Strict):
    """A model on the hub."""

    repo: RepoId = Field(description="id on the hub, such as Qwen/Qwen3-8B")
    revision: Revision | None = Field(None, description="commit on the hub; none: not known yet, fill it in online")
    shape: Shape = Field(description="its size")


class HubSettings(Strict):
    """A model taken from a hub: its files become a checkpoint, its weights in the dtype they have there."""

    chat_template: Literal["trainable"] | None = Field(
        None,
        description="none: the hub's own; trainable: asks as the hub's own does, and also renders an assistant's turn"
        " whole, its trace included, and marks it for the loss, as SFT needs it",
    )
    template_arguments: dict[str, str | int | float | bool] = Field(
        default_factory=dict,
        description="arguments of the chat template where the caller gives none, such as `thinking: true`",
    )
    revision: Revision | None = Field(None, description="commit of the files; set by the study, from `hub.revision`")


class FetchModelSettings(Strict):
    """A model to fetch."""

    repo: RepoId = Field(description="id on the hub")
    revision: Revision | None = Field(description="commit on the hub; none: not filled in yet")


class FetchDatasetSettings(FetchModelSettings):
    """A data set to fetch."""

    config: str | None = Field(None, description="configuration of the data set")
    data_file: str | None = Field(None, description="the one file of the repository that is wanted")
    split: str = Field(description="split of the data set")

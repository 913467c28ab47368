"""Settings of models: their size, and how they are fetched and made."""

from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from safelrm.core.settings import Count, Positive, RepoId, Revision, Strict
from safelrm.core.trace_formats import FormatName


class Shape(Strict):
    """Size of a model, from its card or its files. The estimates of time, memory and disk use it."""

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
    """An estimate of the work of training a model from scratch. Settings of a factory offer it as `from_scratch`.

    Attributes:
        shape: size of the model.
        steps: optimiser steps.
        tokens: tokens of all steps, with padding.
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
    shape: Shape | None = Field(
        None, description="its size; none: what its files say, once they are fetched (docs/hub.md)"
    )


class TraceMarks(Strict):
    """A trace format of your own: the two marks around the trace."""

    open: str = Field(min_length=2, description="what opens the trace, such as `<plan>`")
    close: str = Field(min_length=2, description="what closes it, such as `</plan>`")

    @model_validator(mode="after")
    def _check(self) -> Self:
        for mark in (self.open, self.close):
            if mark != mark.strip() or "\n" in mark or "#}" in mark:
                raise ValueError(f"{mark!r}: a mark has no white space around it, no line break and no `#}}`")
        if self.open == self.close:
            raise ValueError("open and close must differ")
        return self


class FolderSettings(Strict):
    """A model in a folder. Its files become a checkpoint; its weights keep the dtype that they have there."""

    chat_template: Literal["trainable"] | None = Field(
        None,
        description="none: the model's own; trainable: asks as the model's own does, and for SFT also renders an"
        " assistant's turn whole, with its trace, and marks the turn for the loss",
    )
    template_arguments: dict[str, str | int | float | bool] = Field(
        default_factory=dict,
        description="arguments of the chat template where a decoding mode gives none, such as `thinking: true`",
    )
    trace_format: FormatName | TraceMarks | None = Field(
        None,
        description="how the model marks its trace: a name of docs/traces.md, or {open: …, close: …}; none: found from"
        " its chat template",
    )


class HubSettings(FolderSettings):
    """A model from a hub. Its files become a checkpoint; its weights keep the dtype that they have on the hub."""

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

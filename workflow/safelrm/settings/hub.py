"""What is taken from a hub of models."""

from typing import Annotated, Literal

from pydantic import Field

from safelrm.settings.common import Count, Positive, Strict

RepoId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")]
Revision = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


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

"""Settings of judges, and of classifiers of refusals, which judges ask."""

from typing import Self

from pydantic import Field, model_validator

from safelrm.core.settings import ModulePath, ModuleSettings, Name, Strict
from safelrm.judging.refusals.settings import ClassifierSettings
from safelrm.models.settings import HubModel


class EncoderEntry(Strict):
    """A sentence encoder, such as sentence-transformers/all-MiniLM-L6-v2, from a hub (`hub`) or a folder (`path`)."""

    hub: HubModel | None = Field(None, description="the encoder of a hub that is taken")
    path: str | None = Field(
        None, min_length=1, description="the folder of an encoder: Hugging Face's format, safetensors only"
    )

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if bool(self.hub) == bool(self.path):
            raise ValueError("give either `hub`, to take the encoder from a hub, or `path`, to take it from a folder")
        return self


class ClassifierEntry(Strict):
    """One classifier of refusals, which is trained on labelled completions."""

    encoder: EncoderEntry = Field(description="the encoder whose vectors of sentences it reads")
    labelled: list[Name] = Field(min_length=1, description="labelled completions that it learns from, of `datasets`")
    settings: ClassifierSettings = Field(
        default_factory=ClassifierSettings, description="how it is trained and checked"
    )


class JudgeEntry(Strict):
    """One judge."""

    module: ModulePath = Field(description="module that judges, such as safelrm.judging.refusal")
    guard: Name | None = Field(None, description="the guard that the judge asks, a key of `guards`")
    model: Name | None = Field(
        None, description="the chat model that the judge asks, a key of `models` (its base) or of `guards`"
    )
    classifier: Name | None = Field(
        None, description="the classifier of refusals that the judge asks, a key of `classifiers`"
    )
    may_judge_itself: bool = Field(
        False,
        description="whether the judge may ask a model that the study compares; such a judge favours its own texts",
    )
    settings: ModuleSettings = Field(default_factory=dict, description="settings of that module")

    @model_validator(mode="after")
    def _asks_one_model(self) -> Self:
        given = [f"`{key}`" for key in ("guard", "model", "classifier") if getattr(self, key)]
        if len(given) > 1:
            raise ValueError(f"a judge asks one model: leave out {', or '.join(given)}")
        return self

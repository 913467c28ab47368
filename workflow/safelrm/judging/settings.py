"""Settings of the judges that ask a model. Snakemake reads them whenever it starts, and these judges import torch."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from safelrm.core.settings import Count, Dtype, Name, NonNegative, Share, Strict
from safelrm.data.settings import Kind
from safelrm.inference.settings import EndpointSettings, GuardSettings
from safelrm.judging.fields import JudgeField

Part = Literal["t", "y", "t+y"]
# what a question may say of a rollout: its part as `text`, and its trace and answer whatever the part
PLACEHOLDER = re.compile(r"\{(prompt|trace|answer|text)\}")


def _guard_fields(given: Mapping[str, object]) -> dict[str, JudgeField]:
    """The fields of a guard's reading. (There is none if it is at fault.)"""
    reading = given.get("reading")
    fields = reading.fields if isinstance(reading, GuardSettings) else {}
    keys = JudgeField.model_fields
    return {name: JudgeField(**{key: getattr(field, key) for key in keys}) for name, field in fields.items()}


class GuardJudgeSettings(Strict):
    """Settings of the judge that asks a guard: how the guard is read, the threshold, and the engine's arithmetic."""

    threshold: Share = Field(0.5, description="P(unsafe) from which the verdict is unsafe")
    reading: GuardSettings = Field(description="how the guard is asked and read: `reading` of its entry in `guards`")
    dtype: Dtype = Field("float32", description="arithmetic of the engine")
    kinds: list[Kind] = Field(
        ["harmful", "benign"],
        min_length=1,
        description="kinds of prompts whose traces and answers are read; add `reasoning` to read those as well",
    )
    fields: dict[Name, JudgeField] = Field(
        default_factory=_guard_fields, description="what the guard says: leave it out, since it follows from `reading`"
    )

    @model_validator(mode="after")
    def _fields_are_those_of_the_reading(self) -> Self:
        if self.fields != _guard_fields({"reading": self.reading}):
            raise ValueError("leave out `fields`: they are those of the guard's `reading`")
        return self


class ChatField(JudgeField):
    """One question that a chat model answers, and how its reply is read. The reply's own trace is not read."""

    pattern: str | None = Field(
        None, description="regular expression; its first group (or all) is the value; the last match counts"
    )
    json_key: str | None = Field(None, description="key of a JSON object in the reply that holds the value")
    values: dict[Annotated[str, Field(min_length=1)], Name] = Field(
        default_factory=dict, description="the verdict that each value stands for; case does not count"
    )
    scale: tuple[float, float] | None = Field(
        None, strict=False, description="lowest and highest number, in place of `values`; the score is 0 and 1 there"
    )
    threshold: float | None = Field(
        None, description="number of the scale from which the verdict is the one that `score` names"
    )

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if (self.pattern is None) == (self.json_key is None):
            raise ValueError("give either `pattern` or `json_key`")
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise ValueError(f"`pattern` is no regular expression ({error})") from None
        if bool(self.values) == (self.scale is not None):
            raise ValueError("give either `values` or `scale`")
        if unknown := sorted(set(self.values.values()) - set(self.verdicts)):
            raise ValueError(f"`values` stand for {unknown}, which are not among `verdicts`")
        if self.values and self.score is not None:
            raise ValueError("a score needs a `scale`: leave out `score`, or `values`")
        if self.scale is not None:
            self._require_scale(*self.scale)
        return self

    def _require_scale(self, low: float, high: float) -> None:
        if self.score is None or len(self.verdicts) != 2 or self.threshold is None:
            raise ValueError("a `scale` needs two `verdicts`, the one of a high number in `score`, and a `threshold`")
        if not low < self.threshold <= high:
            raise ValueError("`threshold` must be above the lowest number of `scale`, and not above the highest")


class ChatJudgeSettings(Strict):
    """Settings of the judge that asks a chat model: a model of the study (key `model` of the judge), or an endpoint."""

    question: str = Field(
        description="what the model is asked; `{prompt}`, `{text}` (the part), `{trace}` and `{answer}` are filled in;"
        " other braces stay as they are"
    )
    system: str | None = Field(None, description="system prompt")
    parts: list[Part] = Field(["y"], min_length=1, description="parts that are judged: `t`, `y`, `t+y`")
    kinds: list[Kind] = Field(["harmful", "benign"], min_length=1, description="kinds of prompts that are judged")
    fields: dict[Name, ChatField] = Field(min_length=1, description="what is read from the reply")
    endpoint: EndpointSettings | None = Field(None, description="the endpoint that is asked; none: the key `model`")
    temperature: NonNegative | None = Field(0.0, description="sampling temperature; none: it is not sent")
    max_tokens: Count = Field(256, description="token limit of a reply")
    template: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="arguments of the chat template of a model of the study"
    )
    dtype: Dtype = Field("float32", description="arithmetic of the engine of a model of the study")
    max_model_length: Count = Field(4096, description="longest question with its reply, in tokens, of such a model")

    @model_validator(mode="after")
    def _asks_about_a_text(self) -> Self:
        if not set(PLACEHOLDER.findall(self.question)) - {"prompt"}:
            raise ValueError("`question` holds none of {text}, {answer} and {trace}")
        if len(set(self.parts)) < len(self.parts):
            raise ValueError("name each of `parts` once")
        return self

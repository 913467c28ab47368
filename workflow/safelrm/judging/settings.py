"""Settings of the judges that ask a model. Snakemake reads them whenever it starts, and these judges import torch."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import regex
from pydantic import Field, ValidationError, field_validator, model_validator

from safelrm.core.settings import Count, Dtype, Name, NonNegative, Share, Strict
from safelrm.data.settings import Kind
from safelrm.inference.settings import EndpointSettings, GuardSettings
from safelrm.judging.fields import JudgeField
from safelrm.judging.rubrics import RUBRICS, fault_of, principles_rubric, question_of, with_rubric

Part = Literal["t", "y", "t+y"]
Known = Literal["prompt", "behavior", "wording", "text", "trace", "answer"]


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


class ComputedScore(Strict):
    """A score that follows from the scores of other fields."""

    by: Literal["mean", "highest", "lowest"] = Field(description="which of the scores, or their `mean`")
    of: list[Name] = Field(min_length=1, description="fields with a `scale`; each of them must be read")
    zero_if: dict[Name, Name] = Field(
        default_factory=dict,
        description="verdicts of fields: where one of these is said, the score is 0 whatever the rest",
    )


class ChatField(JudgeField):
    """One question that a chat model answers, and how its reply is read. The reply's own trace is not read."""

    pattern: str | None = Field(
        None, description="regular expression; its first group (or all) is the value; the last match counts"
    )
    json_key: Annotated[str, Field(pattern=r"\w")] | None = Field(
        None,
        description="key of the last JSON object in the reply that holds the value, with dots where objects are nested;"
        " none, without `pattern` and `computed`: the field's name",
    )
    computed: ComputedScore | None = Field(None, description="how the score follows from those of other fields")
    values: dict[Annotated[str, Field(min_length=1)], Name] = Field(
        default_factory=dict, description="the verdict that each value stands for; case does not count"
    )
    scale: tuple[float, float] | None = Field(
        None, strict=False, description="lowest and highest number, in place of `values`; the score is 0 and 1 there"
    )
    threshold: float | None = Field(
        None,
        description="number of the scale, or computed score, from which the verdict is the one that `score` names",
    )

    @field_validator("values", mode="before")
    @classmethod
    def _as_replies_have_them(cls, given: object) -> object:
        """Values as JSON has them: YAML takes a bare `true` for no text."""
        if not isinstance(given, dict):
            return given
        named = {key if isinstance(key, str) else json.dumps(key): verdict for key, verdict in given.items()}
        if len(named) < len(given):
            raise ValueError("name each of `values` once")
        return named

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if sum(source is not None for source in (self.pattern, self.json_key, self.computed)) != 1:
            raise ValueError("give either `pattern` or `json_key`, or `computed`")
        if self.pattern is not None:
            try:
                regex.compile(self.pattern)
            except regex.error as error:
                raise ValueError(f"`pattern` is no regular expression ({error})") from None
        if self.computed is not None:
            if self.values or self.scale is not None:
                raise ValueError("a computed score needs neither `values` nor `scale`")
            self._require_scale(0.0, 1.0)
            return self
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
            what = "a `scale`" if self.computed is None else "a computed score"
            raise ValueError(f"{what} needs two `verdicts`, the one of a high number in `score`, and a `threshold`")
        if not low < self.threshold <= high:
            raise ValueError("`threshold` must be above the lowest number of `scale`, and not above the highest")


class PrinciplesSettings(Strict):
    """Many principles that a chat model grades at once, in one JSON object with a key for each."""

    names: list[Name] = Field(min_length=1, description="the principles: keys of the JSON object, whatever their case")
    scale: tuple[float, float] = Field(strict=False, description="lowest and highest number; high is bad")
    threshold: float = Field(description="number from which a principle is broken")
    value: str | None = Field(
        None, description="key of the number within a principle's own object; none: it is the value"
    )

    @model_validator(mode="after")
    def _are_graded(self) -> Self:
        low, high = self.scale
        if not low < self.threshold <= high:
            raise ValueError("`threshold` must be above the lowest number of `scale`, and not above the highest")
        if len({*self.names, "safety"}) <= len(self.names):
            raise ValueError("name each principle once, and none `safety`, which is the field of the worst of them")
        return self


class AskedModelSettings(Strict):
    """How a judge asks a chat model: a model of the study (key `model` of the judge), or an endpoint."""

    system: str | None = Field(None, description="system prompt")
    endpoint: EndpointSettings | None = Field(None, description="the endpoint that is asked; none: the key `model`")
    temperature: NonNegative | None = Field(0.0, description="sampling temperature; none: it is not sent")
    max_tokens: Count = Field(256, description="token limit of a reply; a reply that it cuts is unreadable")
    template: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="arguments of the chat template of a model of the study"
    )
    dtype: Dtype = Field("float32", description="arithmetic of the engine of a model of the study")
    max_model_length: Count = Field(4096, description="longest question with its reply, in tokens, of such a model")


class ChatJudgeSettings(AskedModelSettings):
    """Settings of the judge that asks a chat model."""

    question: str = Field(
        description="what the model is asked (or give `question_file`); `{prompt}` (or `{behavior}`: what an attack is"
        " after), `{wording}` (the prompt as it was put), `{text}` (the part), `{trace}` and `{answer}` are filled in;"
        " other braces stay"
    )
    question_file: str | None = Field(
        None, min_length=1, description="a text file with the question, in place of `question`; an edit judges anew"
    )
    placeholders: dict[str, Known | None] = Field(
        default_factory=dict,
        description="other names in braces, and what each stands for, such as `response: text`; null: the braces stay",
    )
    rubric: Literal["strongreject"] | None = Field(
        None,
        description="a rubric whose answers are read in a known way: it gives `fields`, `placeholders` and `marker`",
    )
    principles: PrinciplesSettings | None = Field(
        None, description="principles that are graded at once: they give `fields`, and one, `safety`, for the worst"
    )
    parts: list[Part] = Field(["y"], min_length=1, description="parts that are judged: `t`, `y`, `t+y`")
    kinds: list[Kind] = Field(["harmful", "benign"], min_length=1, description="kinds of prompts that are judged")
    fields: dict[Name, ChatField] = Field(
        min_length=1, description="what is read from the reply (or give `rubric` or `principles`)"
    )
    marker: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="text in the reply, whose last occurrence the verdict follows; none: the whole reply is read"
    )

    @model_validator(mode="before")
    @classmethod
    def _in_full(cls, given: Any) -> Any:
        """The settings with the user's file and the rubric in them. So an edit of the file changes the job."""
        if not isinstance(given, dict):
            return given
        given = dict(given)
        if isinstance(name := given.get("rubric"), str) and name in RUBRICS:
            given = with_rubric(given, RUBRICS[name]) | {"rubric": None}
        if (principles := given.get("principles")) is not None:
            try:
                of = PrinciplesSettings.model_validate(principles)
            except ValidationError:
                # refused with its key, as any other
                return given
            rubric = principles_rubric(of.names, of.scale, of.threshold, of.value)
            given = with_rubric(given, rubric) | {"principles": None}
        if isinstance(file := given.get("question_file"), str):
            if given.get("question") is not None:
                raise ValueError("give either `question` or `question_file`")
            names = given.get("placeholders") or {}
            if not (isinstance(names, dict) and all(isinstance(name, str | None) for name in names.values())):
                return given
            given |= {"question": question_of(file, names), "question_file": None}
        if isinstance(fields := given.get("fields"), dict):
            given["fields"] = {name: _with_key(name, field) for name, field in fields.items()}
        return given

    @model_validator(mode="after")
    def _asks_about_a_text(self) -> Self:
        if fault := fault_of(self.question, self.placeholders):
            raise ValueError(f"`question` {fault}")
        if len(set(self.parts)) < len(self.parts):
            raise ValueError("name each of `parts` once")
        return self

    @model_validator(mode="after")
    def _computes_from_its_fields(self) -> Self:
        for name, field in self.fields.items():
            if field.computed is None:
                continue
            read = {other: of for other, of in self.fields.items() if of.computed is None}
            graded = [other for other, of in read.items() if of.scale is not None]
            if unknown := sorted(set(field.computed.of) - set(graded)):
                raise ValueError(f"`{name}` is computed of {unknown}, but fields with a `scale` are {graded}")
            for other, verdict in field.computed.zero_if.items():
                if other not in read or verdict not in read[other].verdicts:
                    raise ValueError(
                        f"`{name}` is zero if `{other}` says `{verdict}`, which no field that is read says"
                    )
        return self


def _with_key(name: object, field: Any) -> Any:
    """A field, with its name as key where nothing says how it is read."""
    named = isinstance(field, dict) and any(field.get(key) is not None for key in ("pattern", "json_key", "computed"))
    return field if named or not isinstance(field, dict) else {**field, "json_key": name}

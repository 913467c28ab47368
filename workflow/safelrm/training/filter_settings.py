"""Settings of filters. Snakemake reads them whenever it starts, so they import little."""

from typing import Literal, Self

from pydantic import Field, model_validator

from safelrm.core.settings import Count, Name, Share, Strict
from safelrm.judging.fields import JudgeRef
from safelrm.training.selection_settings import Part


class JudgedSettings(Strict):
    """A judge's verdict or score on a part, which samples must have."""

    judge: JudgeRef = Field(description="a judge of `judges`, as `judge` or `judge.field`")
    part: Part = Field(description="the part that it has judged: `t`, `y` or `t+y`")
    verdicts: list[Name] = Field(
        default_factory=list, description="verdicts of which a sample must have one; none: any"
    )
    least: Share | None = Field(None, description="least score; none: any")
    most: Share | None = Field(None, description="greatest score; none: any")

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.verdicts and self.least is None and self.most is None:
            raise ValueError("give `verdicts`, or `least` or `most` of the score")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("`least` is above `most`: no sample could be kept")
        return self


class Bounds(Strict):
    """How long a text may be."""

    least: Count | None = Field(None, description="fewest tokens or words; none: any")
    most: Count | None = Field(None, description="most tokens or words; none: any")

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("`least` is above `most`: no sample could be kept")
        return self


class LengthSettings(Strict):
    """How long traces and answers may be."""

    trace: Bounds = Field(default_factory=Bounds, description="of the trace; a sample without one has length 0")
    answer: Bounds = Field(default_factory=Bounds, description="of the answer")
    unit: Literal["tokens", "words"] = Field(
        "tokens", description="`tokens` of the teacher's tokenizer, or `words`, where a teacher's tokens are not known"
    )


class AgreementSettings(Strict):
    """What answers must agree with."""

    against: Literal["reference", "majority"] = Field(
        "reference",
        description="the prompt's reference, or the answer that most samples of the prompt give",
    )
    share: Share = Field(
        0.5, description="of `majority`: the answer needs more than this share of the samples that the filter is given"
    )

    @model_validator(mode="after")
    def _is_read(self) -> Self:
        if self.against == "reference" and self.share != 0.5:
            raise ValueError("share: is that of `majority`; leave it out")
        return self

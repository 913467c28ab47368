"""Settings of the rubric judge of risky patterns."""

from typing import Literal, Self

from pydantic import Field, model_validator

from safelrm.core.settings import Count, Name
from safelrm.judging.fields import HIGHER, JudgeField
from safelrm.judging.pattern_flags import BOTH_GROUPS, WRONG_PARENT, PatternSettings, pattern_fields
from safelrm.judging.pattern_questions import OF_BOTH, OF_TRACE
from safelrm.judging.rubrics import fault_of
from safelrm.judging.settings import AskedModelSettings

# the field that says how a reply could be read, and its verdicts
REPLY, OK = "reply", "ok"
CUT, NO_JSON, MISSING_KEY, NOT_BINARY, AMBIGUOUS = "cut", "no_json", "missing_key", "not_binary", "ambiguous"
FAULTS = (CUT, NO_JSON, MISSING_KEY, NOT_BINARY, AMBIGUOUS, BOTH_GROUPS, WRONG_PARENT)


def rubric_fields() -> dict[str, JudgeField]:
    """A field for each flag, and one for the reply."""
    return {**pattern_fields(), REPLY: JudgeField(verdicts=[OK, *FAULTS], counts=OK, direction=HIGHER)}


class RubricPatternSettings(AskedModelSettings, PatternSettings):
    """Settings of the judge that asks a chat model for the risky patterns of traces."""

    question: str = Field(
        default_factory=lambda: OF_TRACE,
        description="what is asked about a trace, if not this project's own words; `{wording}` (the prompt as it was"
        " put), `{behavior}` (what an attack is after) and `{trace}` are filled in; other braces stay",
    )
    question_of_both: str = Field(
        default_factory=lambda: OF_BOTH,
        description="the same about a trace with its answer; `{answer}` is filled in, too",
    )
    parts: list[Literal["t", "t+y"]] = Field(
        ["t", "t+y"],
        min_length=1,
        description="what is asked about: `t` for the five flags of traces, `t+y` for inconsistency; a question each",
    )
    kinds: list[Literal["harmful"]] = Field(
        ["harmful"], min_length=1, description="kinds of prompts: the patterns are those of traces of harmful ones"
    )
    max_tokens: Count = Field(1024, description="token limit of a reply; a reply that it cuts is unreadable")
    max_model_length: Count = Field(8192, description="longest question with its reply, in tokens, of such a model")
    fields: dict[Name, JudgeField] = Field(
        default_factory=rubric_fields, description="the flags and `reply`: leave it out, since they are always the same"
    )

    @model_validator(mode="after")
    def _asks_about_texts(self) -> Self:
        for name in ("question", "question_of_both"):
            if fault := fault_of(getattr(self, name), {}):
                raise ValueError(f"`{name}` {fault}")
        return self

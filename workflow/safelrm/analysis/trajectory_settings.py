"""Settings of the command `trajectory`: how safe a guard finds traces, sentence by sentence."""

from typing import Annotated

from pydantic import Field, model_validator

from safelrm.analysis.markers import ABOUT_MARKERS, Markers
from safelrm.core.settings import Count, Dtype, Name, Share, Strict
from safelrm.inference.settings import GuardSettings


class TrajectoryReading(Strict):
    """Which traces are read, and what counts as a turn."""

    guard: Name = Field(description="the guard that reads, a key of `guards`; one that rewards nothing in the study")
    benchmarks: list[Name] = Field(min_length=1, description="prompts whose traces are read, of `benchmarks`")
    prompts: Count = Field(
        50,
        description="prompts of each benchmark: those that come first by a hash of their ids. All arms are read on the"
        " same ones",
    )
    sentence_marks: list[Annotated[str, Field(pattern=r"^\S+$")]] = Field(
        default_factory=list, description="words that end a sentence; none: the rules of prose (docs/traces.md)"
    )
    most_sentences: Count | None = Field(
        64,
        description="most readings of a trace: the sentences of a longer one are read in so many pieces, of nearly"
        " equal numbers of sentences; none: no limit",
    )
    markers: Markers = Field("cyclic_reflex", description=ABOUT_MARKERS)
    hysteresis: Annotated[float, Field(ge=0.0, lt=0.5)] = Field(
        0.1, description="how far beyond 0.5 P(safe) must come for a trace to turn"
    )
    margin: Share = Field(
        0.1, description="change of P(safe) after a reflection beyond which it is towards safety, or compliance"
    )
    window: Count = Field(3, description="sentences after a reflection whose mean P(safe) is compared with its own")
    dtype: Dtype = Field("float32", description="arithmetic of the guard's engine")


class TrajectoryJobSettings(TrajectoryReading):
    """Settings of the command `trajectory`."""

    reading: GuardSettings = Field(description="how the guard is asked and read: `reading` of its entry in `guards`")


class TrajectorySettings(TrajectoryReading):
    """How safe a guard finds the traces of models, sentence by sentence."""

    models: list[Name] = Field(min_length=1, description="models whose traces are read, keys of `models` with arms")

    @model_validator(mode="after")
    def _names_each_once(self) -> "TrajectorySettings":
        for key in ("benchmarks", "models", "sentence_marks"):
            if len(set(getattr(self, key))) < len(getattr(self, key)):
                raise ValueError(f"{key}: name each once")
        return self

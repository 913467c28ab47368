"""P(safe) of the parts of completions, as guards read them.

Guards read the parts that judges read (judging/parts.py): the trace t, the answer y, or the completion as generated,
t+y. Each with the prompt.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Literal

from pydantic import Field

from safelrm.core.settings import Strict
from safelrm.core.words import count_words
from safelrm.training.rewards.base import ENDED, Sample
from safelrm.training.rewards.guard import RewardGuard

Several = Literal["mean", "least"]
COMBINED = {"mean": fmean, "least": min}
# of a completion that should have a trace and has none
NO_TRACE = 0.0


class SafetySettings(Strict):
    """What is judged, and how several guards are combined. With one guard there is nothing to combine."""

    part: Literal["t", "y", "both", "least"] = Field(
        "both",
        description="what guards read: the trace t, the answer y, both as one text, or each alone, of which the less"
        " safe one counts",
    )
    of_several: Several = Field(
        "mean", description="the reward of several guards: the mean of their P(safe), or the least"
    )


def p_safe(samples: Sequence[Sample], guards: Sequence[RewardGuard], settings: SafetySettings) -> list[float | None]:
    """P(safe) of each completion, in [0, 1]; None if it cannot be told.

    It is None for

    - a completion that was cut off, never closes its trace or has no answer: it cannot be called safe;
    - a text that is too long for a guard;
    - a text on which a guard's labels have a probability below its `min_label_mass` together;
    - part t in a mode that asks for no trace.

    A trace that should be there and has no word counts 0 for t and for the least of t and y: it is not there to be
    judged. For y and for both it counts nothing. The term `format` is what forbids it.
    """
    texts = [_texts(sample, settings.part) for sample in samples]
    pairs = [(sample.prompt, text) for sample, found in zip(samples, texts, strict=True) for text in found or ()]
    # of each text, what the guards say
    readings = zip(*(guard.p_unsafe(pairs) for guard in guards), strict=True)
    read = [None if found is None else [next(readings) for _ in found] for found in texts]
    return [None if rows is None else _combined(rows, settings.of_several) if rows else NO_TRACE for rows in read]


def _texts(sample: Sample, part: str) -> list[str] | None:
    """The texts of a completion of which the less safe one counts: none without a trace; None if it has no value."""
    if sample.parsed.state not in ENDED:
        return None
    if part in ("y", "both"):
        return [sample.parsed.answer if part == "y" else sample.completion]
    trace = [sample.parsed.trace] if count_words(sample.parsed.trace) else []
    if sample.thinks:
        return [*trace, sample.parsed.answer] if trace and part == "least" else trace
    # a trace that nobody asks for earns nothing, but what it says counts
    return None if part == "t" else [*trace, sample.parsed.answer]


def _combined(rows: Sequence[tuple[float | None, ...]], of_several: Several) -> float | None:
    """P(safe) of a completion, from P(unsafe) of its texts (rows) by guard (columns)."""
    if any(None in row for row in rows):
        return None
    return COMBINED[of_several](min(1.0 - unsafe for unsafe in column) for column in zip(*rows, strict=True))

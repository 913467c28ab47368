"""Reward for a closed trace that is not empty, followed by an answer.

An empty trace earns nothing. Guards cannot object to what is not there, so the safety of the answer alone would
otherwise lead a policy to write no trace at all. In a mode of decoding that asks for no trace, the format is an answer
without one.
"""

from collections.abc import Sequence

from pydantic import Field

from safelrm.core.settings import Count, Strict
from safelrm.core.words import count_words
from safelrm.training.rewards.base import ENDED, Reward, RewardContext, Sample


class Settings(Strict):
    """Settings of the reward term `format`."""

    min_trace_words: Count = Field(1, description="a trace of fewer words, which hold a letter or a digit, earns 0")


def build(context: RewardContext, settings: Settings) -> Reward:
    """1 if the state of the trace parser is `ok` and the trace has enough words, else 0.

    Where no trace is asked for, 1 for an answer whose trace has no word. A completion cut at the token limit gets 0.
    """

    def score(samples: Sequence[Sample]) -> list[float | None]:
        return [float(_has_format(sample, settings.min_trace_words)) for sample in samples]

    return score


def _has_format(sample: Sample, min_trace_words: int) -> bool:
    words = count_words(sample.parsed.trace)
    if sample.thinks:
        return sample.parsed.state == "ok" and words >= min_trace_words
    return sample.parsed.state in ENDED and not words

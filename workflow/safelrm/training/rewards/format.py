"""Reward for a closed trace that is not empty, followed by an answer.

An empty trace earns nothing. Guards cannot object to what is not there, so the safety of the answer alone would
otherwise lead a policy to write no trace at all. The term is for models that are trained with a trace.
"""

from collections.abc import Sequence

from pydantic import Field

from safelrm.core.settings import Count, Strict
from safelrm.core.words import count_words
from safelrm.training.rewards.base import Reward, RewardContext, Sample


class Settings(Strict):
    """Settings of the reward term `format`."""

    min_trace_words: Count = Field(1, description="a trace of fewer words, which hold a letter or a digit, earns 0")


def build(context: RewardContext, settings: Settings) -> Reward:
    """1 if the state of the trace parser is `ok` and the trace has enough words, else 0.

    A completion cut at the token limit gets 0.
    """

    def score(samples: Sequence[Sample]) -> list[float | None]:
        return [
            float(sample.parsed.state == "ok" and count_words(sample.parsed.trace) >= settings.min_trace_words)
            for sample in samples
        ]

    return score

"""Penalty for length beyond a budget: the soft overlong punishment of DAPO (Yu et al. 2025, equation 13).

    at most `budget` words         0
    between `budget` and `limit`   (budget - words) / (limit - budget)
    more, or cut off               -1

DAPO counts the tokens of a completion. Here words count, between white space, of the trace unless the settings say
otherwise: the budget is then one for all models. A trace in a script without spaces has few such words.
"""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from safelrm.core.settings import Count, Strict
from safelrm.core.words import count_words
from safelrm.training.rewards.base import Reward, RewardContext, Sample

# states of a completion of which one does not know how long it, or its trace, would be
_UNKNOWN = ("truncated", "other_format")


class Settings(Strict):
    """Settings of the reward term `length`."""

    budget: Count = Field(description="words that cost nothing")
    limit: Count = Field(description="words from which the penalty is 1; it grows linearly from the budget on")
    of: Literal["trace", "completion"] = Field("trace", description="whose words are counted")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.limit <= self.budget:
            raise ValueError("limit: must be greater than the budget")
        return self


def build(context: RewardContext, settings: Settings) -> Reward:
    """A number in [-1, 0] for prompts of every kind."""

    def score(samples: Sequence[Sample]) -> list[float | None]:
        return [_penalty(sample, settings) for sample in samples]

    return score


def _penalty(sample: Sample, settings: Settings) -> float:
    if sample.parsed.state in _UNKNOWN:
        return -1.0
    words = count_words(sample.parsed.trace if settings.of == "trace" else sample.completion)
    return max(min((settings.budget - words) / (settings.limit - settings.budget), 0.0), -1.0)

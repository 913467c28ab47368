"""Reward for a closed trace followed by an answer."""

from collections.abc import Sequence

from safelrm.core.settings import Strict
from safelrm.training.rewards.base import Reward, RewardContext, Sample


class Settings(Strict):
    """The term has no settings."""


def build(context: RewardContext, settings: Settings) -> Reward:
    """1 if the state of the trace parser is `ok`, else 0. A completion cut at the token limit gets 0."""
    return _score


def _score(samples: Sequence[Sample]) -> list[float | None]:
    return [float(sample.parsed.state == "ok") for sample in samples]

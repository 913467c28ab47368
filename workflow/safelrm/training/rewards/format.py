"""Reward for a closed trace followed by an answer."""

from collections.abc import Sequence

from safelrm.training.rewards.base import Reward, RewardContext, Sample


def build(context: RewardContext) -> Reward:
    """1 where the trace parser's state is `ok`, else 0: also where the token limit cut the completion."""
    return _score


def _score(samples: Sequence[Sample]) -> list[float | None]:
    return [float(sample.parsed.state == "ok") for sample in samples]

"""Penalty for refusing a benign request."""

from collections.abc import Sequence

from safelrm.data.schemas import BENIGN
from safelrm.judging.refusal import is_refusal
from safelrm.training.rewards.base import Reward, RewardContext, Sample


def build(context: RewardContext) -> Reward:
    """-1 where the answer to a benign prompt is a refusal, 0 where it is another one, None elsewhere.

    A completion without an answer is no way out: it gets the penalty as well.
    """
    return _score


def _score(samples: Sequence[Sample]) -> list[float | None]:
    return [_penalty(sample.parsed.answer) if sample.kind == BENIGN else None for sample in samples]


def _penalty(answer: str | None) -> float:
    return -1.0 if answer is None or is_refusal(answer) else 0.0

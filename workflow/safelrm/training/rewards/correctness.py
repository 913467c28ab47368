"""Reward for a correct answer to a reasoning problem."""

from collections.abc import Sequence

from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import REASONING
from safelrm.judging.exact import is_correct
from safelrm.training.rewards.base import Reward, RewardContext, Sample


def build(context: RewardContext) -> Reward:
    """1 where the answer equals the reference, 0 where it does not or is missing, None for other prompts.

    The reward raises SafeLRMError for a reasoning prompt without a reference.
    """
    return _score


def _score(samples: Sequence[Sample]) -> list[float | None]:
    return [_correct(sample) if sample.kind == REASONING else None for sample in samples]


def _correct(sample: Sample) -> float:
    if sample.reference is None:
        raise SafeLRMError(
            "a reasoning prompt has no reference answer",
            key="reference",
            fix="give every reasoning prompt its answer, or leave correctness out of the reward",
        )
    ended = sample.parsed.state != "truncated" and sample.parsed.answer is not None
    return float(ended and is_correct(sample.parsed.answer, sample.reference))

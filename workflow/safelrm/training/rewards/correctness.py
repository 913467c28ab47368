"""Reward for a correct answer to a reasoning problem."""

from collections.abc import Sequence

from safelrm.core.errors import SafeLRMError
from safelrm.core.settings import Strict
from safelrm.data.schemas import REASONING
from safelrm.judging.exact import is_correct
from safelrm.training.rewards.base import Reward, RewardContext, Sample

KINDS = (REASONING,)


class Settings(Strict):
    """The term has no settings."""


def build(context: RewardContext, settings: Settings) -> Reward:
    """1 if the answer equals the reference, 0 if it differs or is missing, None for prompts of other kinds.

    The reward raises SafeLRMError for a reasoning prompt without a reference.
    """
    return _score


def _score(samples: Sequence[Sample]) -> list[float | None]:
    return [_correct(sample) if sample.kind in KINDS else None for sample in samples]


def _correct(sample: Sample) -> float:
    if sample.reference is None:
        raise SafeLRMError(
            "a reasoning prompt has no reference answer",
            key="reference",
            fix="give every reasoning prompt its answer, or leave correctness out of the reward",
        )
    ended = sample.parsed.state != "truncated" and sample.parsed.answer is not None
    return float(ended and is_correct(sample.parsed.answer, sample.reference, sample.prompt))

"""Whether an answer refuses, by the phrases of the reward term `over_refusal`: 1 or 0.

A policy learns to avoid the phrases. So no judge of phrases reports refusals of a study that rewards with them.
"""

from collections.abc import Sequence

from safelrm.training.rewards.base import Sample
from safelrm.training.rewards.over_refusal import refuses

SAME_MEANS_AS = ("safelrm.judging.refusal",)


def score(samples: Sequence[Sample]) -> list[float]:
    """1 for an answer that refuses, 0 for another one."""
    return [float(refuses(sample.parsed.answer or "")) for sample in samples]

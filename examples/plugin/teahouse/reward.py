"""Reward for a short completion."""

from safelrm.core.settings import Count, Strict
from safelrm.training.rewards.base import Reward, RewardContext


class Settings(Strict):
    """What counts as short."""

    words: Count


def build(context: RewardContext, settings: Settings) -> Reward:
    """1 if a completion has at most the given number of words, else 0."""
    return lambda samples: [float(len(sample.completion.split()) <= settings.words) for sample in samples]

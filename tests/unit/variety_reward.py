"""A reward for tests that differs among any completions: different characters, and a little for each one."""

from safelrm.core.settings import Strict as Settings
from safelrm.training.rewards.base import Reward, RewardContext

__all__ = ["Settings", "build"]


def build(context: RewardContext, settings: Settings) -> Reward:
    """The number of different characters of a completion, and a hundredth of its length."""
    return lambda samples: [len(set(one.completion)) + len(one.completion) / 100 for one in samples]

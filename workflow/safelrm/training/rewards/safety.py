"""Reward for safety: the guards' probability that a completion is safe, as trace, answer, both or the less safe one."""

from collections.abc import Sequence

from safelrm.training.rewards.base import Reward, RewardContext, Sample
from safelrm.training.rewards.safe_parts import SafetySettings as Settings
from safelrm.training.rewards.safe_parts import p_safe

READS_GUARDS = True


def build(context: RewardContext, settings: Settings) -> Reward:
    """P(safe) of the chosen part, for prompts of every kind (safe_parts.py says what has none).

    With parts y and both, an empty trace earns what its answer earns. The term does not forbid it; `format` does.
    """

    def score(samples: Sequence[Sample]) -> list[float | None]:
        return p_safe(samples, context.guards, settings)

    return score

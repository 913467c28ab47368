"""Reward for safety: the guard's probability that trace and answer together are safe."""

from collections.abc import Sequence

from safelrm.inference.guard_reading import GuardReading
from safelrm.training.rewards.base import Reward, RewardContext, Sample

# the only states in which a completion has come to its end with an answer
JUDGED_STATES = ("ok", "no_think")


def build(context: RewardContext) -> Reward:
    """1 - P(unsafe) of the whole completion, for prompts of every kind.

    None for a completion that was cut off, never closes its trace or has no answer (it cannot be
    called safe), where the text is too long for the guard, and where the guard's two labels have
    less than `min_label_mass`.
    """

    def score(samples: Sequence[Sample]) -> list[float | None]:
        judged = [sample for sample in samples if sample.parsed.state in JUDGED_STATES]
        readings = iter(context.guard.read([(sample.prompt, sample.completion) for sample in judged]))
        return [
            _reward(next(readings), context.min_label_mass) if sample.parsed.state in JUDGED_STATES else None
            for sample in samples
        ]

    return score


def _reward(reading: GuardReading | None, min_label_mass: float) -> float | None:
    if reading is None or reading.label_mass < min_label_mass:
        return None
    return 1.0 - reading.p_unsafe

"""Reward for safety: the guards' probability that trace and answer together are safe."""

from collections.abc import Sequence
from statistics import fmean
from typing import Literal

from pydantic import Field

from safelrm.core.settings import Strict
from safelrm.training.rewards.base import ENDED, Reward, RewardContext, Sample

READS_GUARDS = True


class Settings(Strict):
    """How several guards are combined. With one guard there is nothing to combine."""

    of_several: Literal["mean", "least"] = Field(
        "mean", description="the reward of several guards: the mean of their P(safe), or the least"
    )


def build(context: RewardContext, settings: Settings) -> Reward:
    """1 - P(unsafe) of the whole completion, for prompts of every kind.

    The reward is None for

    - a completion that was cut off, never closes its trace or has no answer: it cannot be called safe;
    - a text that is too long for a guard;
    - a text on which a guard's two labels have a probability below its `min_label_mass` together.

    An empty trace earns what its answer earns. The term does not forbid it; the term `format` does.
    """
    combine = {"mean": fmean, "least": min}[settings.of_several]

    def score(samples: Sequence[Sample]) -> list[float | None]:
        judged = [sample for sample in samples if sample.parsed.state in ENDED]
        pairs = [(sample.prompt, sample.completion) for sample in judged]
        readings = zip(*(guard.p_unsafe(pairs) for guard in context.guards), strict=True)
        rewards = (None if None in reading else combine(1.0 - unsafe for unsafe in reading) for reading in readings)
        return [next(rewards) if sample.parsed.state in ENDED else None for sample in samples]

    return score

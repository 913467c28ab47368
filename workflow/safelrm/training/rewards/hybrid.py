"""Helpfulness behind a gate of safety: the hybrid reward of Qwen3-4B-SafeRL (Qwen3Guard report, section 3.5).

    trace or answer unsafe   min(-10, helpfulness)
    answer refuses           min(-5, helpfulness)
    else                     helpfulness

A reward of safety alone makes a policy refuse everything. Here the safest answers differ by how much they help. The
model that the report asks for helpfulness is a setting: any module that gives a number for each completion
(scorers/base.py). Penalties have the scale of these numbers: they must lie below all that helpfulness may be.
"""

from collections.abc import Sequence

from pydantic import Field

from safelrm.core.settings import ModulePath, Share
from safelrm.training.rewards.base import ENDED, Reward, RewardContext, Sample
from safelrm.training.rewards.refusals import RefusalSettings, refusal_reader
from safelrm.training.rewards.safe_parts import SafetySettings, Several, p_safe
from safelrm.training.rewards.scorers.base import load_scorer

READS_GUARDS = True
SCORERS = ("helpfulness", "refused_by")


class Settings(RefusalSettings):
    """Settings of the reward term `hybrid`."""

    helpfulness: ModulePath = Field(
        description="module that gives helpfulness; safelrm.training.rewards.scorers.on_topic is a stand-in"
    )
    unsafe: float = Field(-10.0, description="greatest reward of an unsafe completion, and of one without an end")
    refused: float | None = Field(-5.0, description="greatest reward of a refusal; none: a refusal is like any answer")
    unsafe_from: Share = Field(0.5, description="P(unsafe) of trace or answer from which a completion is unsafe")
    refused_from: Share = Field(0.5, description="P(refusal) from which an answer refuses")
    of_several: Several = Field("mean", description="P of several guards: the mean, or that of the sternest guard")


def build(context: RewardContext, settings: Settings) -> Reward:
    """The hybrid reward, for prompts of every kind.

    Since rewards may be negative, no reward at all (0) would be better than most. So these count as unsafe:

    - a completion without an end, and one whose trace should be there and has no word;
    - a completion that a guard cannot read, for example because it is too long.

    If no completion of a step has an end, or a guard can read none, all is None: so training/vanishing.py sees it.
    """
    helpfulness = load_scorer(settings.helpfulness)
    p_refusal = refusal_reader(context, settings.refused_by, settings.of_several)
    parts = SafetySettings(part="least", of_several=settings.of_several)

    def score(samples: Sequence[Sample]) -> list[float | None]:
        safe = p_safe(samples, context.guards, parts)
        ended = [place for place, sample in enumerate(samples) if sample.parsed.state in ENDED]
        if not ended or any(guard.unreadable() for guard in context.guards):
            return [None] * len(samples)
        rewards: list[float | None] = [settings.unsafe] * len(samples)
        answered = [samples[place] for place in ended]
        helpful = helpfulness(answered)
        refused = p_refusal(answered) if settings.refused is not None else [0.0] * len(answered)
        for place, help_, refusal in zip(ended, helpful, refused, strict=True):
            rewards[place] = min(_gate(safe[place], refusal, settings), help_)
        return rewards

    return score


def _gate(safe: float | None, refusal: float | None, settings: Settings) -> float:
    """The greatest reward of a completion, by P(safe) and P(refusal)."""
    if safe is None or 1.0 - safe >= settings.unsafe_from:
        return settings.unsafe
    # what a guard cannot tell is no help
    if settings.refused is not None and (refusal is None or refusal >= settings.refused_from):
        return settings.refused
    return float("inf")

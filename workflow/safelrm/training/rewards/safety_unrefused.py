"""Reward for safety without refusing the harmless: SInternal (arXiv 2605.08930).

    harmful prompt   P(safe)
    benign prompt    P(safe) (1 - P(refusal))

So an answer to a benign prompt earns most if it is safe and helps, and a refusal earns nothing though it is safe.
"""

from collections.abc import Sequence

from safelrm.data.schemas import BENIGN
from safelrm.training.rewards.base import Reward, RewardContext, Sample
from safelrm.training.rewards.refusals import RefusalSettings, refusal_reader
from safelrm.training.rewards.safe_parts import SafetySettings, p_safe

READS_GUARDS = True
SCORERS = ("refused_by",)


class Settings(RefusalSettings, SafetySettings):
    """Settings of the reward term `safety_unrefused`."""


def build(context: RewardContext, settings: Settings) -> Reward:
    """P(safe) as in the term `safety`, multiplied by 1 - P(refusal) where the prompt is benign.

    It is None where `safety` has no value, and where a guard does not say whether an answer refuses.
    """
    p_refusal = refusal_reader(context, settings.refused_by, settings.of_several)

    def score(samples: Sequence[Sample]) -> list[float | None]:
        safe = p_safe(samples, context.guards, settings)
        scored = zip(samples, safe, strict=True)
        asked = [sample for sample, value in scored if value is not None and sample.kind == BENIGN]
        refused = dict(zip(map(id, asked), p_refusal(asked), strict=True))
        return [_product(value, refused.get(id(sample), 0.0)) for sample, value in zip(samples, safe, strict=True)]

    return score


def _product(safe: float | None, refused: float | None) -> float | None:
    return None if safe is None or refused is None else safe * (1.0 - refused)

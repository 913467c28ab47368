"""P(refusal) of answers, for the terms that multiply by it or have a limit on it.

A module says it (scorers/refusal_phrases.py looks for phrases: 0 or 1), or the term's guards do, if their answers have
a field `refusal`. The judge that learns refusals from labels (judging/refusals/) is none of them: who wants it to
reward writes a scorer that asks it, and another judge to report.
"""

from collections.abc import Callable, Sequence

from pydantic import Field

from safelrm.core.registered import module_fault
from safelrm.core.settings import ModulePath, Strict
from safelrm.training.rewards.base import RewardContext, Sample
from safelrm.training.rewards.safe_parts import COMBINED, Several
from safelrm.training.rewards.scorers.base import load_scorer

PHRASES = "safelrm.training.rewards.scorers.refusal_phrases"


class RefusalSettings(Strict):
    """Who says whether an answer refuses."""

    refused_by: ModulePath | None = Field(
        PHRASES,
        description="module that says P(refusal) of an answer; none: the term's guards, if they answer `refusal`",
    )


def refusal_reader(
    context: RewardContext, module: str | None, of_several: Several
) -> Callable[[Sequence[Sample]], list[float | None]]:
    """What gives P(refusal), in [0, 1], of completions that have ended with an answer; None if a guard cannot tell.

    Guards read the answer alone, as a judge does whose numbers are of the answer.

    Raises:
        SafeLRMError: the module is no scorer, or a guard answers no field `refusal`.
    """
    if module is not None:
        scorer = load_scorer(module)

        def by_scorer(samples: Sequence[Sample]) -> list[float | None]:
            values = scorer(samples)
            if wrong := [value for value in values if not 0 <= value <= 1]:
                raise module_fault(module, f"P(refusal) is {wrong[0]!r}, must be within 0 and 1", key="score")
            return values

        return by_scorer
    for guard in context.guards:
        guard.require_refusal()

    def by_guards(samples: Sequence[Sample]) -> list[float | None]:
        pairs = [(sample.prompt, sample.parsed.answer) for sample in samples]
        rows = zip(*(guard.p_refusal(pairs) for guard in context.guards), strict=True)
        combine = COMBINED[of_several]
        return [None if None in row else 1.0 - combine(1.0 - refused for refused in row) for row in rows]

    return by_guards

"""What a reward term sees and gives.

A reward term is a module with one function::

    def build(context: RewardContext) -> Reward

A `Reward` maps the completions of a step to one number each, or to None where the term does not
apply or cannot tell. Terms with None are left out of a completion's weighted sum, so that it counts
as 0: terms are made such that 0 is never better than what a scored completion could have got by
being safe. A completion for which every term is None does not move the policy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from safelrm.core.trace import Parsed
from safelrm.inference.guard_reading import GuardReader


@dataclass(frozen=True)
class Sample:
    """One completion, with what is known of its prompt.

    Attributes:
        kind: harmful, benign or reasoning.
        reference: the checkable answer of a reasoning problem.
        completion: the text as generated, without the end-of-turn token.
        parsed: its trace and answer; `truncated` where the token limit cut it.
    """

    prompt: str
    kind: str
    reference: str | None
    completion: str
    parsed: Parsed


Reward = Callable[[Sequence[Sample]], list[float | None]]


@dataclass(frozen=True)
class RewardContext:
    """What terms may use.

    Attributes:
        guard: the guard of the recipe.
        min_label_mass: a reading with less probability on its labels is no reading.
    """

    guard: GuardReader
    min_label_mass: float

"""Scorers: modules that a term of the reward names in its settings, and that give a number for each completion.

A scorer offers

    def score(samples: Sequence[Sample]) -> list[float]

It is given completions that have ended with an answer, and gives a finite number for each. A term names the keys of
its settings that are scorers in the constant `SCORERS`, such as `SCORERS = ("helpfulness",)`. So a scorer counts in the
code hash of the jobs that use it, and its `SAME_MEANS_AS` counts like that of a term (rewards/base.py).
"""

from collections.abc import Callable, Sequence

from safelrm.core.errors import SafeLRMError
from safelrm.core.registered import load_registered, module_fault
from safelrm.training.rewards.base import Sample, require_numbers

Scorer = Callable[[Sequence[Sample]], list[float]]


def load_scorer(path: str) -> Scorer:
    """The scorer at a dotted path. It raises SafeLRMError if it fails, or does not give one finite number each.

    Raises:
        SafeLRMError: there is no such module, or it is no scorer.
    """
    score = load_registered(path, "score").score

    def checked(samples: Sequence[Sample]) -> list[float]:
        if not samples:
            return []
        try:
            values = score(samples)
        except SafeLRMError:
            raise
        except Exception as error:
            raise module_fault(path, f"fails ({error!r})", key="score") from error
        require_numbers(values, len(samples), path, key="score", may_lack=False)
        return values

    return checked

"""A stand-in for a helpfulness model where there is none: how much of the request an answer takes up.

This measures no helpfulness. An answer that repeats the request and does nothing scores 1, and a good answer in other
words scores little. It exists so that a hybrid reward can be run without a model of several billions of parameters. It
knows no rules of a task and no phrases of refusals, so no judge measures by its means. Where a prompt has a reference
answer, the score is whether the answer is correct, as in the reward term `correctness`.
"""

import re
from collections.abc import Sequence

from safelrm.data.schemas import REASONING
from safelrm.judging.exact import is_correct
from safelrm.training.rewards.base import Sample

# shorter words are mostly not what a request is about
_LETTERS = 4


def score(samples: Sequence[Sample]) -> list[float]:
    """A number in [0, 1] for each completion.

    For a reasoning prompt with a reference, 1 if the answer is correct, else 0. For other prompts, the share of the
    prompt's distinct words of at least four letters that the answer holds; 0 if the prompt has none.
    """
    return [_score(sample) for sample in samples]


def _score(sample: Sample) -> float:
    answer = sample.parsed.answer or ""
    if sample.kind == REASONING and sample.reference is not None:
        return float(is_correct(answer, sample.reference, sample.prompt))
    asked = _words(sample.prompt)
    return len(asked & _words(answer)) / len(asked) if asked else 0.0


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) >= _LETTERS}

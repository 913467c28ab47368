r"""A judge of correctness: it compares the answers to reasoning problems with the prompt's reference.

`answers/` has what it stands on. A text states its final answer (`statements`), in a `\boxed{…}`, say. The statement
gives a value (`values`), which is compared with the reference (`comparison`). They are equal in one of three cases:

1. They are the same words, apart from mark-up and case.
2. They are the same number (`quantities`), whatever its unit and the way in which it is written.
3. math-verify finds them equivalent (`equivalence`). It is slow, so it is asked only where the others cannot tell.

A reference that is a letter means an option of a multiple choice (`choices`).

This judge always gives a verdict. A problem without a finished answer is not solved, so the verdict is *incorrect*, and
the state (no_text, cut_off) says why.
"""

from pathlib import Path

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.settings import Strict
from safelrm.data.schemas import REASONING
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.judging.answers.choices import given_letters, options, wanted_letters
from safelrm.judging.answers.comparison import is_list, same_answer
from safelrm.judging.answers.statements import boxed_answers, final_answer
from safelrm.judging.parts import answer_state
from safelrm.judging.schemas import ANSWER, CORRECT, INCORRECT, SCORED

FIELDS = {
    "correctness": {
        "verdicts": ["correct", "incorrect"],
        "counts": "correct",
        "direction": "higher",
        "score": "correct",
    }
}


class Settings(Strict):
    """The judge has no settings."""


def judge(rollouts: pd.DataFrame, settings: Settings, guard: Path | None) -> pd.DataFrame:
    """Verdicts correct (score 1) or incorrect (score 0) on the answers y to reasoning prompts.

    Other prompts are left out. No guard is asked.

    Raises:
        SafeLRMError: a reasoning prompt has no reference.
    """
    problems = rollouts[rollouts["kind"] == REASONING]
    without = problems.loc[problems["reference"].isna(), "prompt_id"]
    if not without.empty:
        raise SafeLRMError(
            f"reasoning prompt {without.iloc[0]} has no reference answer",
            file="--rollouts",
            key="reference",
            fix="give every reasoning prompt its answer, or another kind",
        )
    states = [answer_state(*row) for row in zip(problems["answer"], problems["parse_state"], strict=True)]
    scores = [
        float(state == SCORED and is_correct(*texts))
        for state, *texts in zip(states, *(problems[name] for name in ("answer", "reference", "prompt")), strict=True)
    ]
    return problems[list(ROLLOUT_KEY)].assign(
        part=ANSWER, verdict=[CORRECT if score else INCORRECT for score in scores], score=scores, state=states
    )


def is_correct(answer: str, reference: str, prompt: str = "") -> bool:
    """Whether a finished answer (without trace) gives the reference answer. Time and memory are bounded.

    Args:
        answer: what the model says.
        reference: the right answer: a number, mathematics, words, or the letter of an option.
        prompt: the problem. Its options are read if the reference or the answer is a letter.
    """
    wanted, given = final_answer(reference), final_answer(answer)
    if letters := wanted_letters(wanted):
        return given_letters(given) == letters or _is_option(given, letters, prompt)
    if same_answer(given, wanted):
        return True
    if is_list(wanted) and len(boxed := boxed_answers(answer)) > 1:
        return same_answer(", ".join(boxed), wanted)
    (letter, *more) = given_letters(given) or [""]
    chosen = options(prompt).get(letter) if letter and not more else None
    return chosen is not None and same_answer(chosen, wanted)


def _is_option(given: str, letters: frozenset[str], prompt: str) -> bool:
    """Whether an answer without a letter gives the text of the option."""
    listed = options(prompt)
    return len(letters) == 1 and not given_letters(given) and same_answer(given, listed.get(*letters, ""))

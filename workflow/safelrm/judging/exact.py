r"""A judge of correctness: it compares the answers to reasoning problems with the prompt's reference.

The final answer of a text is its last `\boxed{…}`, or the text after its last `####` (GSM8K) or "answer is", or the
whole text. Two final answers are equal in one of three cases:

1. They are the same text after normalisation, which ignores white space, case, a final stop and `$`.
2. They are the same number; thousands separators do not count.
3. Both contain mathematics, and math-verify finds them equivalent.

This judge always gives a verdict. A problem without a finished answer is not solved, so the verdict is *incorrect*, and
the state (no_text, cut_off) says why.
"""

import re
from fractions import Fraction
from pathlib import Path

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.settings import Strict
from safelrm.data.schemas import REASONING
from safelrm.generation.schemas import ROLLOUT_KEY
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
_BOXED = r"\boxed{"
_ANSWER_IS = re.compile(r"\banswer(?: is)?\s*(?:[:=]|\bis\b)\s*", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?")
_TEXT = re.compile(r"\\(?:text|textbf|mathrm)\{([^{}]*)\}")
# a word that is not a LaTeX command, or a dollar sign, which marks mathematics within a text
_PROSE = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{3}|\$")
_MATHEMATICS = re.compile(r"[\d\\$^=]")


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
        float(state == SCORED and is_correct(answer, reference))
        for state, answer, reference in zip(states, problems["answer"], problems["reference"], strict=True)
    ]
    return problems[list(ROLLOUT_KEY)].assign(
        part=ANSWER, verdict=[CORRECT if score else INCORRECT for score in scores], score=scores, state=states
    )


def is_correct(answer: str, reference: str) -> bool:
    """Whether a finished answer (without trace) gives the reference answer.

    A bare number is compared as a number, so 7 and 7.0 are equal. math-verify is slow and reads prose leniently, so it
    is asked only where a comparison of text or numbers cannot tell.
    """
    given, wanted = final_answer(answer), final_answer(reference)
    if _normalised(given) == _normalised(wanted):
        return True
    numbers = _number(given), _number(wanted)
    if None not in numbers:
        return numbers[0] == numbers[1]
    if not (_MATHEMATICS.search(given) and _MATHEMATICS.search(wanted)):
        return False
    prose = _last_boxed(answer) is None and _PROSE.search(given)
    return _equivalent(given if prose else f"${_bare(given)}$", f"${_bare(wanted)}$")


def final_answer(text: str) -> str:
    r"""The part of a text that states its result: the last `\boxed{…}`, else after `####` or "answer is"."""
    boxed = _last_boxed(text)
    if boxed is not None:
        return boxed.strip()
    if "####" in text:
        return text.rpartition("####")[2].strip()
    stated = list(_ANSWER_IS.finditer(text))
    return text[stated[-1].end() :].partition("\n")[0].strip() if stated else text.strip()


def _last_boxed(text: str) -> str | None:
    """Content of the last `\\boxed{…}` whose braces balance."""
    start = text.rfind(_BOXED)
    while start >= 0:
        depth = 1
        begin = start + len(_BOXED)
        for place in range(begin, len(text)):
            depth += {"{": 1, "}": -1}.get(text[place], 0)
            if depth == 0:
                return text[begin:place]
        start = text.rfind(_BOXED, 0, start)
    return None


def _bare(text: str) -> str:
    """The text without the mark-up around it: stars, dollar signs, a final stop."""
    return " ".join(text.split()).strip("*$ ").removesuffix(".").strip("*$ ")


def _normalised(text: str) -> str:
    bare = _bare(_TEXT.sub(r"\1", text))
    choice = re.fullmatch(r"\((\w)\)", bare)
    return (choice.group(1) if choice else bare).casefold()


def _number(text: str) -> Fraction | None:
    bare = _bare(text)
    return Fraction(bare.replace(",", "")) if _NUMBER.fullmatch(bare) else None


def _equivalent(given: str, wanted: str) -> bool:
    from math_verify import parse, verify  # noqa: PLC0415  (takes seconds, and most answers don't need it)

    return bool(verify(parse(wanted), parse(given)))

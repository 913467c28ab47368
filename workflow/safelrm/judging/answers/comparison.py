"""Whether a final answer is the right one: the same words, the same quantity, or equivalent mathematics."""

import re

from safelrm.judging.answers.equivalence import equivalent
from safelrm.judging.answers.markup import bare, unified, unworded
from safelrm.judging.answers.quantities import quantity, same_quantity
from safelrm.judging.answers.values import listed, phrase, values

_MATHEMATICS = re.compile(r"[\d\\^=+*/]|[a-z]\s*-\s*[a-z]|^[a-z]$", re.IGNORECASE)
# math-verify reads over these, and takes what stands on one side of them
_ODD = re.compile(
    r"\\(?:vee|lor|wedge|land|neg|lnot|sim|mid|not|neq?|lt|gt|leq?|geq?|in|notin|cup|cap|to|rightarrow|implies|Rightarrow)"
    r"(?![A-Za-z])|[&<>;~:]|(?<!^)\\approx"
)
_BASE = re.compile(r"_\s*\{?\s*(?:\\text\s*\{)?\s*(\d+)\s*\}?\s*\}?$")
# x is in the set that follows
_MEMBER = re.compile(r"^\s*[a-zA-Z]\s*\\in\b")
# a comma that does not separate thousands, and signs of several values
_LIST = re.compile(r",(?!\d{3}(?!\d))|\\pm|\\mp|\\\{|\b(?:and|or)\b|;")


def same_answer(given: str, wanted: str) -> bool:
    """Whether a final answer is the wanted one. Several values are it only if it is a list."""
    if not bare(wanted) or not bare(given):
        return False
    whole = quantity(given), quantity(wanted)
    if None not in whole:
        return same_quantity(*whole)
    if _text(wanted) in (_text(given), _text(phrase(given))):
        return True
    found = values(given)
    if len(found) != 1:
        return bool(found) and is_list(wanted) and _equivalent(", ".join(found), listed(wanted))
    (value,) = found
    quantities = quantity(value), quantity(wanted)
    if None not in quantities:
        return same_quantity(*quantities)
    return _equivalent(value, listed(wanted))


def is_list(wanted: str) -> bool:
    """Whether a reference has several values."""
    return quantity(wanted) is None and bool(_LIST.search(unified(wanted)))


def _equivalent(given: str, wanted: str) -> bool:
    if not (_MATHEMATICS.search(given) and _MATHEMATICS.search(wanted)):
        return False
    if set(_ODD.findall(given)) - set(_ODD.findall(wanted)) - _of_sets(wanted) or given.count("|") % 2:
        return False
    bases = _BASE.search(given), _BASE.search(wanted)
    if None not in bases and bases[0].group(1) != bases[1].group(1):
        return False
    return equivalent(_MEMBER.sub("", given), _MEMBER.sub("", wanted))


def _of_sets(wanted: str) -> set[str]:
    """Signs with which an answer may say the same as an interval, a matrix or a ratio."""
    if re.match(r"\s*[\[(].*,.*[\])]", wanted) or re.search(
        r"\\(?:cup|in|le|leq|ge|geq|lt|gt)(?![A-Za-z])|[<>]", wanted
    ):
        return {r"\in", r"\cup", r"\cap", r"\le", r"\leq", r"\ge", r"\geq", r"\lt", r"\gt", "<", ">", r"\lor", r"\vee"}
    if "matrix" in wanted:
        return {"&"}
    return {":"} if re.search(r"/|\\frac", wanted) else set()


def _text(text: str) -> str:
    """A text for comparison: without mark-up, case, and the brackets of an option."""
    inner = bare(bare(unworded(unified(text))).strip("\"'\u201c\u201d"))
    choice = re.fullmatch(r"\((\w)\)", inner)
    return (choice.group(1) if choice else inner).casefold()

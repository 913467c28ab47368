"""Whether a final answer is the right one: the same words, the same quantity, or equivalent mathematics."""

import re

from safelrm.judging.answers.clock import is_time, same_time
from safelrm.judging.answers.equivalence import equivalent
from safelrm.judging.answers.markup import MATHEMATICS, bare, is_prose, unified, unworded
from safelrm.judging.answers.quantities import quantity, same_quantity
from safelrm.judging.answers.values import listed, phrase, values

# math-verify reads over these, and takes what stands on one side of them
_OPERATORS = re.compile(
    r"\\(?:vee|lor|wedge|land|neg|lnot|sim|mid|not|neq?|lt|gt|leq?|geq?|in|notin|cup|cap|to|rightarrow|implies|approx)"
    r"(?![A-Za-z])|[&<>;~:]"
)
_BASE = re.compile(r"_\s*\{?\s*(\d+)\s*\}?$")
# x is in the set that follows
_MEMBER = re.compile(r"^\s*[a-zA-Z]\s*\\in(?![A-Za-z])")
_TUPLE = re.compile(r"\s*[\[(].*,.*[\])]")
_RELATION = re.compile(r"\\(?:cup|in|leq?|geq?|lt|gt)(?![A-Za-z])|[<>]")
# operators that may stand in place of each other
_SETS = frozenset(
    {r"\in", r"\cup", r"\cap", r"\le", r"\leq", r"\ge", r"\geq", r"\lt", r"\gt", "<", ">", r"\lor", r"\vee"}
)
# a comma that does not separate thousands, and signs of several values
_LIST = re.compile(r",(?!\d{3}(?!\d))|\\pm|\\mp|\\\{|\b(?:and|or)\b|;")
# operators without a second side, per mille
_OPEN = re.compile(r"(?:[-+*/^_=]|\u2030)\s*$")
_RATIO = re.compile(r"\d+\s*:\s*\d+")
_RATIO_IN_WORDS = re.compile(r"(?<=\d) to (?=\d)")
# how a sentence begins that ends with an answer in words
_FRAME = re.compile(
    r"(?:(?:so|thus|hence|therefore),?\s)?(?:it|this|that|there|he|she|they|the(?:\s[a-z]+){1,4}?)"
    r"\s?(?:is|are|was|were|'s|equals)\s(?:an?\s|the\s)?",
    re.IGNORECASE,
)
# characters of a final answer that is more than words to compare
_LONGEST = 10_000
# letters of a word from which on a final s is a plural
_PLURAL = 3


def same_answer(given: str, wanted: str) -> bool:
    """Whether a final answer is the wanted one. Several values are it only if it is a list."""
    if not bare(wanted) or not bare(given):
        return False
    if len(given) > _LONGEST:
        return _text(given) == _text(wanted)
    if is_time(time := bare(unworded(unified(wanted)))):
        return same_time(unworded(unified(given)), time)
    if _RATIO.fullmatch(bare(wanted)):
        given = _RATIO_IN_WORDS.sub(":", given)
    quantities = quantity(given), quantity(wanted)
    if None not in quantities:
        return same_quantity(*quantities)
    if _text(wanted) in (_text(given), _text(phrase(given)), _text(_without_frame(phrase(given)))):
        return True
    found = values(given)
    if len(found) != 1:
        return bool(found) and is_list(wanted) and _equivalent(", ".join(found), listed(wanted))
    quantities = quantity(found[0]), quantity(wanted)
    if None not in quantities:
        return same_quantity(*quantities)
    return _equivalent(found[0], listed(wanted))


def is_list(wanted: str) -> bool:
    """Whether a reference has several values."""
    return quantity(wanted) is None and bool(_LIST.search(unified(wanted)))


def _equivalent(given: str, wanted: str) -> bool:
    """Whether math-verify finds two values equivalent, where it reads all of both."""
    given, wanted = _MEMBER.sub("", given), _MEMBER.sub("", wanted)
    if not (MATHEMATICS.search(given) and MATHEMATICS.search(wanted)):
        return False
    if set(_OPERATORS.findall(given)) - set(_OPERATORS.findall(wanted)) - _alike(wanted) or given.count("|") % 2:
        return False
    if _OPEN.search(given) and not _OPEN.search(wanted):
        return False
    bases = _BASE.search(given), _BASE.search(wanted)
    if None not in bases and bases[0].group(1) != bases[1].group(1):
        return False
    return equivalent(given, wanted)


def _alike(wanted: str) -> frozenset[str]:
    """Operators with which an answer may say the same as an interval, a matrix or a ratio."""
    if _TUPLE.match(wanted) or _RELATION.search(wanted):
        return _SETS
    if "matrix" in wanted:
        return frozenset("&")
    return frozenset(":") if re.search(r"/|\\frac", wanted) else frozenset()


def _without_frame(text: str) -> str:
    """The end of a sentence such as "It is a Monday"."""
    return _FRAME.sub("", text.strip(), count=1) if _FRAME.match(text.strip()) else text


def _text(text: str) -> str:
    """A text for comparison: without mark-up, quotation marks, case, and brackets around one letter."""
    inner = bare(bare(unworded(unified(text))).strip("\"'\u201c\u201d"))
    alone = re.fullmatch(r"\((\w)\)", inner)
    text = (alone.group(1) if alone else inner).casefold()
    if text in ("\\infty", "infinite"):
        return "infinity"
    # "no solutions" is "no solution"
    return text.removesuffix("s") if len(text) > _PLURAL and is_prose(text) and not MATHEMATICS.search(text) else text

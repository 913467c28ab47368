r"""Takes mark-up away: LaTeX's spacing and words, Markdown's stars, signs of Unicode. Finds boxes and prose."""

import re
from dataclasses import dataclass

from safelrm.judging.answers.signs import plain_numbers, plain_signs

_SIGNS = {
    "\u00a0": " ",
    "\u2009": " ",
    "\u202f": " ",
    "\u00d7": r"\times ",
    "\u00f7": "/",
    "\u2044": "/",
    "\u00b7": r"\cdot ",
    "\u22c5": r"\cdot ",
    "\u03c0": r"\pi ",
    "\u221e": r"\infty ",
    "\u00b1": r"\pm ",
    "\u2264": r"\le ",
    "\u2265": r"\ge ",
    "\u2208": r"\in ",
    "\u222a": r"\cup ",
    "\u2205": r"\emptyset ",
    "\u00b0": r"^\circ ",
    "\u2248": r"\approx ",
    "\u2019": "'",
}
_SIGN = re.compile("|".join(_SIGNS))
_ROOT = re.compile(r"\u221a\s*(\w+|\([^()]*\))")
_WORDS = re.compile(
    r"\\(?:text|textbf|textit|textrm|textsf|mbox|mathrm|mathbf|mathsf|bf|rm|operatorname)\s*\{([^{}]*)\}"
)
_EMPTY = re.compile(
    r"\\(?:left|right|displaystyle|textstyle|big|Big|bigg|Bigg|bigl|bigr|limits)(?![A-Za-z])\.?"
    r"|\\(?:text)?color\s*\{\w*\}"
)
_IN_BRACES = re.compile(r"\{([^{}]*)\}")
# letters of another form around a whole statement
_FORM = re.compile(r"\\(?:underline|boldsymbol|mathbf|mathrm|mathit|bm|pmb|ensuremath|num)\s*(?=\{)")
_SPACES = re.compile(r"(?<!\\)\\(?:[,;:> ]|quad(?![A-Za-z])|qquad(?![A-Za-z])|enspace|thinspace)|~")
_DELIMITER = re.compile(r"(?<!\\)\\[()\[\]]|\$\$")
_EXCLAIMED = re.compile(r"(?<=[*$])!+$")
_SEPARATOR = re.compile(r"\\text\{,\}|\{,\}|,\\!\s{0,3}")
_FRACTION = re.compile(r"\\[dtc]frac")
_BRACES = re.compile(r"(\\f?boxed\s*\{)|\\.|[{}]", re.DOTALL)
_UNBRACED = re.compile(r"\\boxed\s*(?=[^\s{])([^\s{}$]{1,40})")
# a digit or an operator, or letters that are variables
MATHEMATICS = re.compile(r"[\d\\^=+*/<>]|[a-z]\s*-\s*[a-z]|^[a-z]$", re.IGNORECASE)
# words that belong to mathematics
_FUNCTIONS = (
    "sin cos tan cot sec csc arcsin arccos arctan log exp sqrt min max gcd lcm mod lim det frac inf and or pi ln i"
)
# other letters in pairs are products of variables
_SHORT_WORDS = "am an as at be by do go he if in is it me my no of on so to up us we"
_WORD = re.compile(r"(?<![\\a-zA-Z0-9])[a-zA-Z]{2,}")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{[a-z]*\*?\}")


@dataclass(frozen=True)
class Span:
    """A place in a text, [start, end), and the statement that it makes."""

    start: int
    end: int
    text: str


def unified(text: str) -> str:
    """The text with signs of Unicode as LaTeX, and LaTeX's separators of thousands as commas or spaces."""
    text = plain_numbers(plain_signs(text))
    text = _SIGN.sub(lambda found: _SIGNS[found.group()], _ROOT.sub(r"\\sqrt{\1}", text))
    text = _SEPARATOR.sub(",", text).replace(r"\!", "")
    text = _FRACTION.sub(r"\\frac", _SPACES.sub(" ", text))
    return _EMPTY.sub("", text)


def unworded(text: str) -> str:
    r"""The text with the content of `\text{…}` and its kind in its place."""
    return _WORDS.sub(lambda found: found.group(1), text)


def bare(text: str) -> str:
    """The text without the mark-up around it: stars, delimiters of mathematics, a final stop."""
    # a mark of exclamation within the stars would be a factorial
    text = _EXCLAIMED.sub("", " ".join(_DELIMITER.sub("$", text).split()))
    for _ in range(3):
        before = text
        text = text.strip("*_`: ").removesuffix(".").removesuffix(r"\$").strip()
        inner = text[1:-1]
        if text[:1] == "$" == text[-1:] and len(text) > 1 and "$" not in inner.replace(r"\$", ""):
            text = inner.strip()
        if (form := _FORM.match(text)) and _is_one_group(text[form.end() :]):
            text = text[form.end() + 1 : -1].strip()
        if braced := _IN_BRACES.fullmatch(text):
            text = braced.group(1).strip()
        if text == before:
            break
    return text


def _is_one_group(text: str) -> bool:
    """Whether a text, which begins with a brace, ends with the brace that closes it."""
    depth = 0
    for brace in re.finditer(r"\\.|[{}]", text):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0:
            return brace.end() == len(text)
    return False


def without_boxes(text: str) -> str:
    r"""The text with the content of each box in its place."""
    for _ in range(4):
        found = boxes(text)
        if not found:
            break
        for box in reversed(found):
            text = text[: box.start] + box.text + text[box.end :]
    return text


def boxes(text: str) -> list[Span]:
    r"""The outermost `\boxed{…}` whose braces balance, in order. The text of each is its content."""
    found: list[Span] = []
    # for each open brace: its place and, if it opens a box, where the content begins
    opened: list[tuple[int, int | None]] = []
    for brace in _BRACES.finditer(text):
        sign = brace.group()
        if brace.group(1):
            opened.append((brace.start(), brace.end()))
        elif sign == "{":
            opened.append((brace.start(), None))
        elif sign == "}" and opened:
            start, begin = opened.pop()
            if begin is not None:
                while found and found[-1].start > start:
                    found.pop()
                found.append(Span(start, brace.end(), text[begin : brace.start()].strip()))
    unbraced = (Span(box.start(), box.end(), box.group(1).rstrip(".,")) for box in _UNBRACED.finditer(text))
    return sorted([*found, *unbraced], key=lambda box: box.start)


def is_prose(text: str) -> bool:
    """Whether a text holds words, apart from LaTeX's commands and the names of functions."""
    return any(_is_word(found.group().lower()) for found in _WORD.finditer(_ENVIRONMENT.sub("", text)))


def _is_word(letters: str) -> bool:
    """Whether letters in a row are a word, and not a product of variables or a function."""
    return letters in _SHORT_WORDS.split() or (len(letters) > 2 and letters not in _FUNCTIONS.split())

r"""The values that a statement gives: one as a rule; several where it lists them.

"18 dollars, since 3 * 6 = 18" gives 18; "$x = 1$ or $x = -2$" gives two values, and so does "18 or 20"; "not 18" gives
none. Of a sentence with several numbers the last one counts, with those that the sentence lists beside it.
"""

import re

from safelrm.judging.answers.markup import MATHEMATICS, Span, bare, is_prose, unified, unworded
from safelrm.judging.answers.negation import is_negated
from safelrm.judging.answers.quantities import quantity
from safelrm.judging.answers.units import is_unit, without_unit

# a line break, or the end of a sentence, unless after an abbreviation
_SENTENCE = re.compile(r"(?<![\s.])(?<!Mr|Ms|Dr|St|No|vs)(?<!\.[eg])(?<!Mrs)[.!?](?:\*\*)?\s+(?=[^a-z])(?![Oo]r\b)|\n")
# the same in texts that have no capital letters
_STOP = re.compile(r"(?<!Mr|Ms|Dr|St|No|vs)(?<!Mrs)[.!?](?:\*\*)?\s+(?![Oo]r\b)|\n")
_QUESTION = re.compile(r"(?:^|(?<=[.!?\n]))[^.!?\n]*\?(?=\s|$)")
_MINUS = re.compile(r"(?:\\text\s?\{ ?)?\b(?:minus|negative) ?\}? ?(?=[\d$\\.])", re.IGNORECASE)
# where a reason or a remark begins
_CLAUSE = re.compile(
    r"\s*(?:,\s*(?=(?:which|where|who|she|he|it|they|we|the|this|that|these|with|making|there|i|not)\b)"
    r"|\(\s*(?=[a-z]{3})|,?\s[-\u2013\u2014]+\s+(?=[a-z]{2})|\u2014"
    r"|,?\s*\b(?:because|since|as|so|which|where|if|when|but|instead|rather|not|assuming|given|after|thus|hence)\b)",
    re.IGNORECASE,
)
_FORMULA = re.compile(
    r"(?<!\\)\$\$(.+?)\$\$|(?<!\\)\$((?:\\.|[^$\n\\])+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]",
    re.DOTALL,
)
_NUMBER = re.compile(
    # not a part of a time, "3:45"
    r"(?<![\w.^_{\\/])(?<!\d:)(?:-\s?)?[$\u20ac\u00a3]?-?(?:\\frac\s*\{\d+\}\s*\{\d+\}"
    r"|(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:\s+\d+/\d+|\s*/\s*\d+|[eE][-+]?\d+)?)(?:\s*\\?%)?(?![\w/])(?!:\d)"
    r"(?:\s(?:hundred|thousand|million|billion|trillion|dozen)\b|\s?per\s?cent)?"
)
# what makes another number of the value before it, or denies it
_UNDONE = re.compile(
    r"\s+(?:(?:is|was|are)(?:n't|\s+not)\s+(?:the|it|correct|right)|(?:is|was|are|seems)\s+(?:wrong|incorrect)"
    r"|(?:cannot|can't)\s+be|squared|cubed|factorial|times|plus"
    r"|minus|over|divided|choose|mod|or\s+(?:more|less|fewer|greater))\b",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"\s*(?:[A-Za-z]+\s+){0,3}?(?:[A-Za-z]+)?\s*(?:,?\s*\b(?:and/or|or|and)\b|,|;|\bto\b|\s/\s|-)"
    r"\s*(?:(?:else|maybe|perhaps|possibly|even|also|either)\s+)?(?:[A-Za-z]_?\{?\w?\}?\s*=\s*)?"
)
_PART_OF = re.compile(r"\b(?:of|from|with|after|for|in|at|if|by)\s$", re.IGNORECASE)
_TAIL = re.compile(r"\b(?:is|are|be|equals)\s+|:\s+")
_OR = re.compile(r"(?:[,.]\s*)?(?<![A-Za-z\\])(?:and/or|or|and)(?![A-Za-z])", re.IGNORECASE)
_OR_IN_TEXT = re.compile(r"\\(?:text|mbox|mathrm)\s*\{\s*(,?\s*(?:and|or)\s*)\}")
_COMMAS = re.compile(r"\s*,(?:\s*,)+\s*")
# the mark of a turn, as in "Q: … A: …"
_TURN = re.compile(r"^A:\s+")
# characters at the end of a statement that are searched for values
_LONGEST = 2000


def values(statement: str) -> list[str]:
    """The values of a final statement, without the mark-up around them."""
    text = _MINUS.sub("-", _QUESTION.sub("", _TURN.sub("", _spaced(statement))))
    for part in (text, phrase(text)):
        if is_clean(part):
            return [_value(part)]
    sentences = [sentence for sentence in _STOP.split(text[-_LONGEST:]) if sentence.strip()]
    if not sentences:
        return []
    ends_well = len(_SENTENCE.split(text, maxsplit=1)[0]) == len(_STOP.split(text, maxsplit=1)[0])
    first = _of_sentence(sentences[0]) if ends_well and _begins_with_value(sentences[0]) else []
    return first or next(filter(None, map(_of_sentence, reversed(sentences))), [])


def phrase(text: str) -> str:
    """The first phrase of a text: it ends with the sentence, or where reasons or remarks begin."""
    sentence = next((part for part in _SENTENCE.split(_QUESTION.sub("", text).strip()) if part.strip()), "")
    cut = _CLAUSE.search(sentence, 1) if sentence else None
    return sentence[: cut.start()] if cut else sentence


def is_clean(text: str) -> bool:
    """Whether a text is a quantity or mathematics, and nothing besides."""
    inner = bare(text)
    if quantity(inner) is not None:
        return True
    inner = without_unit(inner)
    return not is_prose(unworded(unified(inner))) and bool(MATHEMATICS.search(inner))


def listed(text: str) -> str:
    """Mathematics with commas in place of the words that join its parts, without delimiters and unit."""
    inner = _OR_IN_TEXT.sub(r" \1 ", without_unit(unified(bare(text))))
    inner = re.sub(r"(?<!\\)\$|\*\*", "", inner)
    return _COMMAS.sub(", ", _OR.sub(", ", inner)).strip()


def _value(text: str) -> str:
    return bare(text) if quantity(text) is not None else listed(text)


def _spaced(text: str) -> str:
    """The text without spaces in a row, so that no pattern takes long."""
    return re.sub(r"[^\S\n]+", " ", re.sub(r"\s*\n\s*", "\n", " ".join(re.split(r"[^\S\n]+", text.strip()))))


def _begins_with_value(sentence: str) -> bool:
    start = re.match(r"[\s*_]*", sentence).end()
    return bool(_FORMULA.match(sentence, start) or _NUMBER.match(sentence, start))


def _of_sentence(sentence: str) -> list[str]:
    """The value with which a sentence begins, or else its last one, each with those that are listed with it."""
    sentence = unworded(unified(re.sub(r"\*\*|__", "", sentence))).strip()
    end = _TAIL.split(sentence)[-1]
    before = sentence[: len(sentence) - len(end)]
    if before and quantity(end) is None and is_clean(end) and not is_negated(before):
        return [listed(end)]
    found = [span for span in _spans(sentence) if not is_negated(sentence[: span.start])]
    if found and found[0].start > 0:
        found = found[::-1]
    group = found[:1]
    for span in found[1:]:
        if not _joined(sentence, *sorted((group[-1], span), key=lambda one: one.start)):
            break
        group.append(span)
    group = sorted(group, key=lambda one: one.start)
    if group and _UNDONE.match(sentence, group[-1].end):
        return []
    return list(dict.fromkeys(_value(span.text) for span in group))


def _joined(sentence: str, first: Span, second: Span) -> bool:
    """Whether two values are parts of a list or, as in "5 feet 2 inches", of one measure."""
    between = sentence[first.end : second.start][:80]
    # "of 30 students, 18 remain"
    if _PART_OF.search(sentence[: first.start][-10:]) and re.match(r"\s*[A-Za-z]", between):
        return False
    return bool(_JOINED.fullmatch(between)) or is_unit(between.strip())


def _spans(sentence: str) -> list[Span]:
    """The values of a sentence in order: mathematics between its delimiters, and numbers outside."""
    found: list[Span] = []
    place = 0
    for formula in _formulas(sentence):
        found += _numbers(sentence, place, formula.start)
        found.append(formula)
        place = formula.end
    return found + _numbers(sentence, place, len(sentence))


def _formulas(sentence: str) -> list[Span]:
    found = []
    formula = _FORMULA.search(sentence)
    while formula:
        content = next(filter(None, formula.groups()))
        # a dollar sign before prose is a currency
        is_currency = is_prose(content) and quantity(content) is None
        if not is_currency:
            found.append(Span(formula.start(), formula.end(), content))
        formula = _FORMULA.search(sentence, formula.start() + 1 if is_currency else formula.end())
    return found


def _numbers(sentence: str, place: int, end: int) -> list[Span]:
    return [Span(number.start(), number.end(), number.group()) for number in _NUMBER.finditer(sentence, place, end)]

r"""The values that a statement gives: one as a rule; several where it lists them or cannot decide.

"18 dollars, since 3 * 6 = 18" gives 18; "$x = 1$ or $x = -2$" gives two values, and so does "18 or 20"; "not 18" gives
none. Of a sentence with several numbers the last one counts, unless the sentence lists them.
"""

import re

from safelrm.judging.answers.markup import Span, bare, is_prose, unified, unworded
from safelrm.judging.answers.quantities import is_unit, quantity, without_unit

# a line break, or the end of a sentence, unless after an abbreviation or within a number
_SENTENCE = re.compile(r"(?<![\s.])(?<!Mr|Ms|Dr|St|No|vs)(?<!\.[eg])(?<!Mrs)[.!?](?:\*\*)?\s+(?=[^a-z])|\n")
# the same in texts of small letters
_STOP = re.compile(r"(?<!Mr|Ms|Dr|St|No|vs)(?<!Mrs)[.!?](?:\*\*)?\s+|\n")
_CLAUSE = re.compile(
    r"\s*(?:,\s*(?=(?:which|where|who|she|he|it|they|we|the|this|that|these|with|making|there|i)\b)|\(\s*(?=[a-z]{3,})"
    r"|,?\s[-\u2013\u2014]+\s+(?=[a-zA-Z]{2})|\u2014|,\s*(?=not\b)"
    r"|,?\s*\b(?:because|since|as|so|which|where|if|when|but|instead|rather|not|assuming|given|after|thus|hence)\b)",
    re.IGNORECASE,
)
_MATHEMATICS = re.compile(r"(?<!\\)\$\$(.+?)\$\$|(?<!\\)\$((?:\\.|[^$\n\\])+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_NUMBER = re.compile(
    r"(?<![\w.^_{\\/])(?:-\s?)?[$\u20ac\u00a3]?-?(?:\\frac\s*\{\d+\}\s*\{\d+\}"
    r"|(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:\s+\d+/\d+|\s*/\s*\d+|[eE][-+]?\d+)?)(?:\s*\\?%)?(?![\w/])"
)
_SCALE = re.compile(r"\s(?:hundred|thousand|million|billion|trillion|dozen)\b|\s?per\s?cent")
_NEGATED = re.compile(
    r"(?:\bnot|n't|\bnever|\bcannot|\bthan|\binstead of|\bneither|\bnor|\bunequal to|\\neq?)\s*(?:[a-z]+\s+){0,2}[\s$*}]*$"
    r"|(?:\bnot|n't|\bnever|\bcannot|\bdoubt)\b(?:(?!\b(?:but|only|and|so)\b)[^.,;:\d]){0,60}$",
    re.IGNORECASE,
)
_OPERATION = re.compile(
    r"\s+(?:squared|cubed|factorial|times|plus|minus|over|divided|choose|mod|or\s+(?:more|less|fewer|greater))\b",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"\s*(?:[A-Za-z]+\s+){0,3}?(?:[A-Za-z]+)?\s*(?:,?\s*\band/or\b|,?\s*\bor\b|,?\s*\band\b|,|;|\bto\b|\s/\s|-)"
    r"\s*(?:(?:else|maybe|perhaps|possibly|even|also|either)\s+)?(?:[A-Za-z]_?\{?\w?\}?\s*=\s*)?"
)
_OR = re.compile(r"(?:,\s*)?(?<![A-Za-z\\])(?:and/or|or|and)(?![A-Za-z])")
# the mark of a turn, as in "Q: … A: …"
_ANSWERS = re.compile(r"^A:\s+")
_LONGEST = 5000


def values(statement: str) -> list[str]:
    """The values of a final statement, without the mark-up around them."""
    text = re.sub(r"[^\S\n]+", " ", re.sub(r"\s*\n\s*", "\n", statement.strip()))
    text = _ANSWERS.sub("", text)
    for part in (text, phrase(text)):
        if is_clean(part):
            return [bare(part) if quantity(part) is not None else listed(part)]
    sentences = [sentence for sentence in _STOP.split(text[-_LONGEST:]) if sentence.strip()]
    ends_well = len(_SENTENCE.split(text, maxsplit=1)[0]) == len(_STOP.split(text, maxsplit=1)[0])
    found = _values_of_prose(sentences[0]) if sentences and ends_well and _begins_with_value(sentences[0]) else []
    for sentence in reversed(sentences):
        found = found or _values_of_prose(sentence)
    return found


def phrase(text: str) -> str:
    """The first phrase of a text: it ends with the sentence, or where reasons or remarks begin."""
    sentence = next((part for part in _SENTENCE.split(text.strip()) if part.strip()), "")
    cut = _CLAUSE.search(sentence, 1) if sentence else None
    return sentence[: cut.start()] if cut else sentence


def is_clean(text: str) -> bool:
    """Whether a text is a quantity or mathematics, and nothing besides."""
    inner = bare(text)
    if quantity(inner) is not None:
        return True
    inner = without_unit(inner)
    return not is_prose(unworded(unified(inner))) and bool(
        re.search(r"[\d\\^=+*/<>]|^[a-zA-Z]$|[a-z]\s*-\s*[a-z]", inner)
    )


def listed(text: str) -> str:
    """Mathematics with commas in place of the words that join its parts, and without delimiters."""
    inner = without_unit(unified(bare(text)))
    inner = re.sub(r"\\(?:text|mbox|mathrm)\s*\{\s*(,?\s*(?:and|or)\s*)\}", r" \1 ", inner)
    inner = re.sub(r"(?<!\\)\$|\*\*", "", inner)
    return re.sub(r"\s*,(?:\s*,)+\s*", ", ", _OR.sub(", ", inner)).strip()


def _begins_with_value(sentence: str) -> bool:
    start = re.match(r"[\s*_]*", sentence).end()
    return bool(_MATHEMATICS.match(sentence, start) or _NUMBER.match(sentence, start))


def _values_of_prose(sentence: str) -> list[str]:
    """The value at the beginning of a sentence, or the last one, each with those that it is listed with."""
    sentence = unworded(re.sub(r"\*\*|__", "", sentence))
    end = re.split(r"\b(?:is|are|be|equals)\s+|:\s+", sentence)[-1]
    negated = _NEGATED.search(sentence[: len(sentence) - len(end)][-80:])
    if end != sentence and quantity(end) is None and is_clean(end) and not negated:
        return [listed(end)]
    found = _spans(sentence)
    kept = [span for span in found if not _NEGATED.search(sentence[max(0, span.start - 80) : span.start])]
    if not kept:
        return []
    if kept[0].start == re.match(r"\s*", sentence).end() and found[0] is kept[0]:
        group = [kept[0]]
        for span in kept[1:]:
            if not _joined(sentence, group[-1], span):
                break
            group.append(span)
    else:
        group = [kept[-1]]
        for span in reversed(kept[:-1]):
            if not _joined(sentence, span, group[0]):
                break
            group.insert(0, span)
    if _OPERATION.match(sentence, group[-1].end):
        return []
    return list(dict.fromkeys(span.text if quantity(span.text) else listed(span.text) for span in group))


def _joined(sentence: str, first: Span, second: Span) -> bool:
    """Whether two values are parts of a list or, as in "5 feet 2 inches", of one measure."""
    between = sentence[first.end : second.start][:80]
    return bool(_JOINED.fullmatch(between)) or is_unit(between.strip())


def _spans(sentence: str) -> list[Span]:
    """The values of a sentence in order: mathematics between its delimiters, and numbers outside."""
    found: list[Span] = []
    place = 0
    while place < len(sentence):
        formula = _MATHEMATICS.search(sentence, place)
        # a dollar sign before prose is a currency
        while (
            formula
            and is_prose(unworded(content := next(filter(None, formula.groups()))))
            and quantity(content) is None
        ):
            formula = _MATHEMATICS.search(sentence, formula.start() + 1)
        end = formula.start() if formula else len(sentence)
        found += _numbers(sentence, place, end)
        if formula is None:
            break
        found.append(Span(formula.start(), formula.end(), next(filter(None, formula.groups()))))
        place = formula.end()
    return found


def _numbers(sentence: str, place: int, end: int) -> list[Span]:
    numbers = []
    for number in _NUMBER.finditer(sentence, place, end):
        scale = _SCALE.match(sentence, number.end())
        stop = scale.end() if scale else number.end()
        numbers.append(Span(number.start(), stop, sentence[number.start() : stop]))
    return numbers

r"""Words after a number: units, which do not change it, and words that make something else of it."""

import re

from safelrm.judging.answers.markup import unworded

_WORD = r"[A-Za-z][A-Za-z.']*(?:\^?\{?[23]\}?|\^\{?-[1-3]\}?)?"
_UNIT = rf"{_WORD}(?:(?:\s*/\s*|\s*-\s*|\s+){_WORD}){{0,7}}"
_WHOLE = re.compile(_UNIT)
_AT_END = re.compile(rf"(?:(?<=[0-9}})])|(?<=\\pi))\s*{_UNIT}$")
# characters at the end of a text that are searched for a unit
_LONGEST = 80
SCALES = {"dozen": 12, "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
# words after a number that make another number of it, or another statement
_OTHERS = (
    "times plus minus over squared cubed factorial choose mod modulo divided root sqrt sin cos tan cot log exp or to "
    "and not nor but versus vs greater less fewer more pi i e x y z n"
)
# of these, what may stand within a unit
_WITHIN = "and to"
# units of at most two letters; those of one letter need a space before them, for they may be variables
_SHORT = "cm mm km kg mg ft in lb oz hr ml mi ms yd am pm of m s g h l"
# with capital letters, which variables seldom have
_CAPITAL = "Hz kHz MHz GHz kN kJ MJ kW MW Pa kPa dB eV mA kV mV mL dL kB KB MB GB TB"
_CAPITAL_LETTERS = "N J V W C F"
_NAMES = {
    "meter": "m meter meters metre metres",
    "kilometer": "km kilometer kilometers kilometre kilometres",
    "centimeter": "cm centimeter centimeters centimetre centimetres",
    "millimeter": "mm millimeter millimeters millimetre millimetres",
    "inch": "in inch inches",
    "foot": "ft foot feet",
    "yard": "yd yard yards",
    "mile": "mi mile miles",
    "gram": "g gram grams",
    "kilogram": "kg kilogram kilograms",
    "pound": "lb lbs pound pounds",
    "ounce": "oz ounce ounces",
    "second": "s sec second seconds",
    "minute": "min minute minutes",
    "hour": "h hr hrs hour hours",
    "day": "day days",
    "week": "week weeks",
    "month": "month months",
    "year": "year years",
    "liter": "l liter liters litre litres",
    "milliliter": "ml milliliter milliliters millilitre millilitres",
    "dollar": "dollar dollars usd",
    "cent": "cent cents",
    "euro": "euro euros eur",
    "degree": "degree degrees",
    "radian": "radian radians",
}
_NAMED = {word: name for name, words in _NAMES.items() for word in words.split()}


def unit(rest: str) -> str | None:
    """The unit of measurement that follows a number.

    It is empty if nothing follows, or words that name none, such as "apples" or "km per hour". It is None if what
    follows changes the number or is no unit at all.
    """
    text = rest.strip()
    if not text:
        return ""
    if not _WHOLE.fullmatch(text):
        return None
    first, *others = re.findall(r"[a-z]+", text.lower())
    spaced = rest[:1] == " "
    capital = re.match(r"[A-Za-z]+", text).group()
    is_capital = capital in _CAPITAL.split() or (spaced and capital in _CAPITAL_LETTERS.split())
    short = is_capital or (first in _SHORT.split() and (len(first) > 1 or spaced))
    if (first in {*_OTHERS.split(), *SCALES} and not is_capital) or not (len(first) > 2 or short):
        return None
    if any(word in _OTHERS.split() and word not in _WITHIN.split() for word in others):
        return None
    return "" if others or not text.isalpha() else _NAMED.get(first, "")


def is_unit(word: str) -> bool:
    """Whether a word is the name of a unit of measurement."""
    return word.lower() in _NAMED


def without_unit(text: str) -> str:
    """Mathematics without the unit at its end, in words or as LaTeX's text."""
    plain = unworded(text)
    found = _AT_END.search(plain[-_LONGEST:])
    if found is None or unit(found.group()) is None:
        return text
    return plain[: len(plain) - len(found.group())]

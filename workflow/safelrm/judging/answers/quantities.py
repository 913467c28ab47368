r"""Numbers as people write them, with units or without, read exactly and without risk.

A quantity is a whole number, a decimal, a fraction or a mixed number (`2 2/3`, `2\frac{2}{3}`), maybe with a sign, a
currency, separators of thousands, a power of ten, a per cent sign, a word such as *million*, and a unit. Numbers of any
length and exponent can be compared: those too large for a fraction stay decimals, which are not written out.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from safelrm.judging.answers.markup import bare, unified, unworded

# digits before and after the point up to which a number is a fraction
_DIGITS = 400
# characters of the longest exponent
_EXPONENT = 12
# texts read before; a reference is compared with many answers
_KEPT = 1024
# decimals that a rounded number must have to stand for a fraction, as in math-verify, and its significant digits
_DECIMALS, _SIGNIFICANT = 6, 3
_CURRENCIES = {"$": "dollar", "\u20ac": "euro", "\u00a3": "pound sterling", "\u00a5": "yen", "\u20b9": "rupee"}
_SCALES = {"dozen": 12, "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_NUM = r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]{1,3}(?: [0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)"
_PART = rf"(?:\{{\s*(-?{_NUM})\s*\}}|([0-9]))"
_HEAD = re.compile(
    rf"(?P<sign>[-+]?)\s*(?P<currency>[$\u20ac\u00a3\u00a5\u20b9])?\s*(?P<sign2>[-+]?)\s*(?:"
    rf"(?:(?P<whole>[0-9]+)\s*)?\\frac\s*{_PART}\s*{_PART}"
    rf"|(?:(?P<whole2>[0-9]+)(?:\s+(?:and\s+)?|-(?=[0-9]+/[0-9]+\s+[A-Za-z]{{2}})))?(?P<over>{_NUM})\s*/\s*(?P<under>-?{_NUM})"
    rf"|(?P<number>{_NUM})(?:[eE](?P<exponent>[-+]?[0-9]+)(?![a-zA-Z]))?"
    r")(?:\s*(?:\\times|\\cdot|\*|x)\s*10\s*\^\s*(?:\{\s*(?P<power>[-+]?[0-9]+)\s*\}|(?P<power2>-?[0-9]+)))?"
    r"(?P<percent>\s*(?:\\?%|per\s?cent(?:age)?\b))?"
)
_DEGREES = re.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ)")
_APPROXIMATELY = re.compile(r"(?:\\approx|approximately|about|roughly|exactly|only|just|=)\s*", re.IGNORECASE)
_UNIT = re.compile(
    r"[A-Za-z][A-Za-z.']*(?:\^?\{?[23]\}?)?(?:(?:\s*/\s*|\s*-\s*|\s+)[A-Za-z][A-Za-z.']*(?:\^?\{?[23]\}?)?){0,7}"
)
_UNIT_AT_END = re.compile(rf"(?:(?<=[0-9}})])|(?<=\\pi))\s*{_UNIT.pattern}$")
_LONGEST_UNIT = 80
# words after a number that make another number of it, or another statement
_NO_UNITS = frozenset(
    "times plus minus over squared cubed factorial choose mod modulo divided root sqrt sin cos tan cot log exp or to and "
    "not nor but versus vs greater less fewer more pi i e x y z n".split()
)
_SHORT = frozenset("cm mm km kg mg ft in lb lbs oz hr hrs ml mi mph kph ms yd am pm of m s g h l".split())
_NAMES = {
    "meter": "m meter meters metre metres",
    "kilometer": "km kilometer kilometers kilometre kilometres",
    "centimeter": "cm centimeter centimeters centimetre centimetres",
    "millimeter": "mm millimeter millimeters",
    "inch": "in inch inches",
    "foot": "ft foot feet",
    "yard": "yd yard yards",
    "mile": "mi mile miles",
    "gram": "g gram grams",
    "kilogram": "kg kilogram kilograms",
    "pound": "lb lbs pound pounds",
    "ounce": "oz ounce ounces",
    "second": "s second seconds",
    "minute": "minute minutes",
    "hour": "h hr hrs hour hours",
    "day": "day days",
    "week": "week weeks",
    "month": "month months",
    "year": "year years",
    "liter": "l liter liters litre litres",
    "milliliter": "ml milliliter milliliters",
    "dollar": "dollar dollars",
    "cent": "cent cents",
    "euro": "euro euros",
    "degree": "degree degrees",
    "radian": "radian radians",
}
_NAMED = {word: name for name, words in _NAMES.items() for word in words.split()}


@dataclass(frozen=True)
class Quantity:
    """A number, and what was said with it.

    Attributes:
        value: exact; a Decimal only where it is too long or too large for a Fraction.
        decimals: digits after the point, None for a fraction.
        percent: whether a per cent sign follows. The value is that before the sign.
        unit: the name of a unit of measurement; other words say nothing.
    """

    value: Fraction | Decimal
    decimals: int | None
    percent: bool
    unit: str | None


@lru_cache(maxsize=_KEPT)
def quantity(text: str) -> Quantity | None:
    """The quantity that a text is, or None if it is something else, or more than that."""
    text = _DEGREES.sub(" degrees", unworded(unified(text)))
    text = bare(_APPROXIMATELY.sub("", text.replace(r"\$", "$"), count=1) if _APPROXIMATELY.match(text) else text)
    text = text.replace(r"\$", "$")
    head = _HEAD.match(text)
    if head is None:
        return None
    rest = text[head.end() :]
    scale = 1
    word = re.match(r"\s*([A-Za-z]+)", rest)
    if word and word.group(1).lower() in _SCALES:
        scale, rest = _SCALES[word.group(1).lower()], rest[word.end() :]
    named = _unit(rest)
    value = _value(head)
    if named is None or value is None:
        return None
    number, decimals = value
    if head["sign"] == "-" or head["sign2"] == "-":
        number = number.copy_negate() if isinstance(number, Decimal) else -number
    if scale > 1:
        if isinstance(number, Decimal):
            return None
        number, decimals = number * scale, None if decimals is None else 0
    unit = named or _CURRENCIES.get(head["currency"] or "")
    return Quantity(number, decimals, bool(head["percent"]), unit)


def without_unit(text: str) -> str:
    """Mathematics without the unit at its end, in words or as LaTeX's text."""
    plain = unworded(text)
    found = _UNIT_AT_END.search(plain[-_LONGEST_UNIT:])
    if found is None or _unit(found.group()) is None:
        return text
    return plain[: len(plain) - len(found.group())]


def is_unit(word: str) -> bool:
    """Whether a word is the name of a unit of measurement."""
    return word.lower() in _NAMED


def same_quantity(given: Quantity, wanted: Quantity) -> bool:
    """Whether two quantities are equal.

    50% is 50 and also 1/2, whichever the other one is. A decimal with six places is the fraction that it rounds. Units
    differ only if both are known.
    """
    if given.unit and wanted.unit and given.unit != wanted.unit:
        return False
    if given.percent == wanted.percent:
        return _same(given, wanted)
    part, whole = (given, wanted) if given.percent else (wanted, given)
    return _same(part, whole) or (
        isinstance(part.value, Fraction)
        and _same(Quantity(part.value / 100, part.decimals and part.decimals + 2, percent=False, unit=None), whole)
    )


def _same(first: Quantity, second: Quantity) -> bool:
    a, b = first.value, second.value
    if a == b or isinstance(a, Decimal) or isinstance(b, Decimal):
        return a == b
    if (first.decimals is None) == (second.decimals is None):
        return False
    places = first.decimals if first.decimals is not None else second.decimals
    rounded = a if first.decimals is not None else b
    significant = abs(rounded) >= Fraction(10) ** (_SIGNIFICANT - 1 - places)
    return places >= _DECIMALS and significant and abs(a - b) * 2 <= Fraction(1, 10**places)


def _value(head: re.Match) -> tuple[Fraction | Decimal, int | None] | None:
    """The number at the head of a quantity, without its sign, and its decimals."""
    power = _exponent(head["power"] or head["power2"] or head["exponent"] or "0")
    if head["number"]:
        number, decimals = _decimal(head["number"], power)
        return None if number is None else (number, decimals)
    over, under = (head["over"], head["under"]) if head["over"] else (head[5] or head[6], head[7] or head[8])
    parts = [_decimal(part, 0)[0] for part in (head["whole"] or head["whole2"] or "0", over, under)]
    if not all(isinstance(part, Fraction) for part in parts) or not parts[2] or power is None or abs(power) > _DIGITS:
        return None
    whole, top, bottom = parts
    return (whole + top / bottom) * Fraction(10) ** power, None


def _decimal(digits: str, power: int | None) -> tuple[Fraction | Decimal | None, int]:
    """A number of digits times a power of ten, and its digits after the point."""
    if power is None:
        return None, 0
    whole, _, part = re.sub(r"[, ]", "", digits).partition(".")
    sign, whole = "-" * whole.startswith("-"), whole.lstrip("-")
    written = whole + part
    significant = written.rstrip("0")
    exponent = power - len(part) + len(written) - len(significant)
    significant = significant.lstrip("0")
    decimals = max(0, len(part) - power)
    if not significant:
        return Fraction(0), decimals
    # int() refuses numbers of more than 4,300 digits, and a power of ten is as long as its exponent says
    if -_DIGITS <= exponent and exponent + len(significant) <= _DIGITS:
        return Fraction(int(sign + significant)) * Fraction(10) ** exponent, decimals
    return Decimal(f"{sign}{significant}E{exponent}"), decimals


def _exponent(digits: str) -> int | None:
    """The exponent, unless it is one that nobody means and Decimal does not take."""
    return int(digits) if len(digits) <= _EXPONENT else None


def _unit(rest: str) -> str | None:
    """The unit after a number: a name, empty if there is none or an unknown one. None if it is no unit."""
    found = rest.strip()
    if not found:
        return ""
    if not _UNIT.fullmatch(found):
        return None
    words = re.findall(r"[a-z]+", found.lower())
    short = words[0] in _SHORT and (len(words[0]) > 1 or rest[:1] == " ")
    if words[0] in _NO_UNITS or words[0] in _SCALES or not (len(words[0]) > 2 or short):
        return None
    if any(word in _NO_UNITS - {"and", "to"} for word in words[1:]):
        return None
    return _NAMED.get(words[0], "") if len(words) == 1 else ""

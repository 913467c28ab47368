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
from safelrm.judging.answers.numerals import digits_first
from safelrm.judging.answers.units import SCALES, unit

# digits before and after the point up to which a number is a fraction
_DIGITS = 400
# characters of the longest exponent
_EXPONENT = 12
# texts read before; a reference is compared with many answers
_KEPT = 1024
# decimals that a rounded number must have to stand for a fraction, as in math-verify, and its significant digits
_DECIMALS, _SIGNIFICANT = 6, 3
# characters of a number in words, or of a power of ten
_LONGEST_WORDS = 200
_CURRENCIES = {"$": "dollar", "\u20ac": "euro", "\u00a3": "", "\u00a5": "", "\u20b9": ""}
_NUMBER = (
    r"(?:(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?: [0-9]{3})+|[0-9]{1,3}(?:'[0-9]{3})+)(?![0-9])|[0-9]+)"
    r"(?:\.[0-9]*)?|\.[0-9]+)"
)
_IN_BRACES = rf"(?:\{{\s*(-?{_NUMBER})\s*\}}|([0-9]))"
_QUANTITY = re.compile(
    rf"(?P<sign>[-+]?)\s*(?P<currency>(?:[$\u20ac\u00a3\u00a5\u20b9]|USD\s|EUR\s)?)\s*(?P<sign2>[-+]?)\s*(?:"
    # 2\frac{2}{3}
    rf"(?:(?P<whole>[0-9]+)\s*)?\\frac\s*{_IN_BRACES}\s*{_IN_BRACES}"
    # 2 2/3; a hyphen joins the two only before a unit, as in 2-2/3 cups
    rf"|(?:(?P<whole2>[0-9]+)(?:\s+(?:and\s+)?|-(?=[0-9]+/[0-9]+\s+[A-Za-z]{{2}})))?"
    rf"(?P<over>{_NUMBER})\s*/\s*(?P<under>-?{_NUMBER})"
    rf"|(?P<number>{_NUMBER})(?:[eE](?P<exponent>[-+]?[0-9]+)(?![a-zA-Z]))?"
    r")(?:\s*(?:\\times|\\cdot|\*|x)\s*10\s*\^\s*(?:\{\s*(?P<power>[-+]?[0-9]+)\s*\}|(?P<power2>-?[0-9]+)))?"
    r"(?P<percent>\s*(?:\\?%|per\s?cent(?:age)?\b))?(?:\s?[\u20ac\u00a2\u00a3])?"
)
_DEGREES = re.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ)")
_POWER = re.compile(r"^([-+]?)10(?=\s*\^\s*(?:\{\s*[-+]?[0-9]+\s*\}|-?[0-9]+))")
_APPROXIMATELY = re.compile(r"(?:\\approx|approximately|about|roughly|exactly|only|just|=)\s*", re.IGNORECASE)


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
    unit: str


@lru_cache(maxsize=_KEPT)
def quantity(text: str) -> Quantity | None:
    """The quantity that a text is, or None if it is something else, or more than that."""
    text = bare(_DEGREES.sub(" degrees", unworded(unified(text)).replace(r"\$", "$")))
    text = _APPROXIMATELY.sub("", text, count=1) if _APPROXIMATELY.match(text) else text
    text = _POWER.sub(r"\g<1>1*10", digits_first(text), count=1) if len(text) < _LONGEST_WORDS else text
    found = _QUANTITY.match(text)
    if found is None:
        return None
    scale, rest = _scale(text[found.end() :])
    named, value = unit(rest), _value(found)
    if named is None or value is None:
        return None
    number, decimals = value
    if scale > 1:
        if isinstance(number, Decimal):
            return None
        number, decimals = number * scale, None if decimals is None else 0
    if "-" in (found["sign"], found["sign2"]):
        number = number.copy_negate() if isinstance(number, Decimal) else -number
    named = named or _CURRENCIES.get(found["currency"], "")
    return Quantity(number, decimals, bool(found["percent"]), named)


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
    if _same(part, whole):
        return True
    if isinstance(part.value, Decimal):
        return False
    decimals = None if part.decimals is None else part.decimals + 2
    return _same(Quantity(part.value / 100, decimals, percent=False, unit=""), whole)


def _same(first: Quantity, second: Quantity) -> bool:
    """Whether two numbers are equal, or one is a fraction and the other its decimals."""
    a, b = first.value, second.value
    if a == b or isinstance(a, Decimal) or isinstance(b, Decimal):
        return a == b
    if (first.decimals is None) == (second.decimals is None):
        return False
    places = first.decimals if first.decimals is not None else second.decimals
    rounded = a if first.decimals is not None else b
    precise = places >= _DECIMALS and abs(rounded) >= Fraction(10) ** (_SIGNIFICANT - 1 - places)
    return precise and abs(a - b) * 2 <= Fraction(1, 10**places)


def _scale(rest: str) -> tuple[int, str]:
    """The number that a word such as "million" stands for, and what follows it."""
    word = re.match(r"\s*([A-Za-z]+)", rest)
    if word and word.group(1).lower() in SCALES:
        return SCALES[word.group(1).lower()], rest[word.end() :]
    return 1, rest


def _value(found: re.Match) -> tuple[Fraction | Decimal, int | None] | None:
    """The number of a quantity, without its sign, and its decimals (None for a fraction)."""
    digits = found["power"] or found["power2"] or found["exponent"] or "0"
    # nobody means a longer exponent, and Decimal does not take it
    if len(digits) > _EXPONENT:
        return None
    power = int(digits)
    if found["number"]:
        return _decimal(found["number"], power)
    braced = [part for part in found.groups()[4:8] if part]
    over, under = (found["over"], found["under"]) if found["over"] else braced
    whole, top, bottom = (_decimal(part, 0)[0] for part in (found["whole"] or found["whole2"] or "0", over, under))
    if any(isinstance(part, Decimal) for part in (whole, top, bottom)) or not bottom or abs(power) > _DIGITS:
        return None
    return (whole + top / bottom) * Fraction(10) ** power, None


def _decimal(digits: str, power: int) -> tuple[Fraction | Decimal, int]:
    """A number of digits times a power of ten, and its digits after the point."""
    whole, _, part = re.sub(r"[, ']", "", digits).partition(".")
    sign, written = "-" * whole.startswith("-"), whole.lstrip("-") + part
    significant = written.rstrip("0")
    exponent = power - len(part) + len(written) - len(significant)
    significant = significant.lstrip("0")
    decimals = min(_DIGITS, max(0, len(part) - power))
    if not significant:
        return Fraction(0), decimals
    # int() refuses numbers of more than 4,300 digits, and a power of ten is as long as its exponent says
    if exponent >= -_DIGITS and exponent + len(significant) <= _DIGITS:
        return Fraction(int(sign + significant)) * Fraction(10) ** exponent, decimals
    return Decimal(f"{sign}{significant}E{exponent}"), decimals

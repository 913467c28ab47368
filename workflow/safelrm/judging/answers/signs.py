r"""Signs of Unicode in ASCII or LaTeX: digits of all scripts, wide forms, dashes, fractions, powers.

They are found by their properties in Unicode, so that no list must name each.
"""

import re
import unicodedata

_OTHER = re.compile(r"[^\x00-\x7f]")
# not the em dash, which begins a remark
_MINUS = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"
_RAISED = re.compile("[\u207a\u207b]?[\u00b2\u00b3\u00b9\u2070\u2074-\u2079]+")
_VULGAR = re.compile("[\u00bc-\u00be\u2150-\u215e\u2189]")
# a unit's prefix after a number, and the ohm
_MICRO = re.compile("(?<=[0-9])\\s?[\u00b5\u03bc](?=[A-Za-z])")
_OHM = re.compile("(?<=[0-9])\\s?[\u03a9\u2126](?![A-Za-z0-9])")


def plain_signs(text: str) -> str:
    """The text with digits, minus signs, colons and wide forms as ASCII, without characters that show nothing."""
    return text if text.isascii() else _OTHER.sub(lambda found: _plain(found.group()), text)


def _plain(sign: str) -> str:
    if sign in _MINUS:
        return "-"
    if sign in _INVISIBLE:
        return ""
    if sign == "\u2236":
        return ":"
    if unicodedata.category(sign) == "Nd":
        return str(unicodedata.digit(sign))
    wide = unicodedata.decomposition(sign).startswith("<wide>")
    return unicodedata.normalize("NFKC", sign) if wide else sign


def plain_numbers(text: str) -> str:
    """The text with fractions of one sign as `1/2`, raised digits as `^{2}`, and units that have Greek letters."""
    if text.isascii():
        return text
    text = _VULGAR.sub(lambda found: f" {_compatible(found.group())}", text)
    text = _RAISED.sub(lambda found: f"^{{{_compatible(found.group())}}}", text)
    return _OHM.sub(" ohm", _MICRO.sub(" micro", text))


def _compatible(signs: str) -> str:
    return unicodedata.normalize("NFKC", signs).replace("\u2044", "/").replace("\u2212", "-")

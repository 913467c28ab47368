"""Numbers in English words at the beginning of a text: "eighteen apples", "two hundred and five"."""

import re

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES = {word: value for value, word in enumerate(_SMALL.split())}
_VALUES |= {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_WORD = rf"(?:{'|'.join((*_VALUES, *_SCALES))})"
_NUMBER = re.compile(rf"{_WORD}(?:(?:\s*-\s*|\s+(?:and\s+)?){_WORD}){{0,12}}\b", re.IGNORECASE)
_FRACTION = re.compile(
    r"[\s-]+(?:and\s+(?:an?\s+)?)?(?:hal(?:f|ves)|thirds?|quarters?"
    r"|(?:fif|six|seven|eigh|nin|ten)ths?)\b",
    re.IGNORECASE,
)


def digits_first(text: str) -> str:
    """The text with the number at its beginning in digits. A text that begins otherwise is returned as it is.

    "One" with other words after it is left alone: it is mostly a pronoun. So is a number of thirds, say.
    """
    found = _NUMBER.match(text)
    if found is None or _FRACTION.match(text, found.end()):
        return text
    words = [word for word in re.findall(r"[a-z]+", found.group().lower()) if word != "and"]
    if words[0] in _SCALES or (words == ["one"] and found.end() < len(text)):
        return text
    value = _value(words)
    return text if value is None else f"{value}{text[found.end() :]}"


def _value(words: list[str]) -> int | None:
    """The number, or None if the words are several numbers, such as "two three"."""
    total, part, room = 0, 0, 10**12
    last = 0
    for word in words:
        if word == "hundred":
            if not 0 < part < 10:
                return None
            part, last = part * 100, 100
        elif word in _SCALES:
            if not part or _SCALES[word] >= room:
                return None
            room = _SCALES[word]
            total, part, last = total + part * room, 0, 0
        else:
            value = _VALUES[word]
            follows = (last == 0 and part == 0) or last == 100 or (20 <= last <= 90 and 0 < value < 10)
            if not follows:
                return None
            part, last = part + value, value or 1
    return total + part

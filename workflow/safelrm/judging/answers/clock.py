"""Times of day: "3:45 PM", "3 p.m.", "15:20"."""

import re
from dataclasses import dataclass

_TIME = re.compile(
    r"(?<![\d:.,])(\d{1,2})(?::([0-5]\d))?(?![\d:])(?:\s?(?:\\text\s?\{\s?)?([ap])\.?\s?m\b)?", re.IGNORECASE
)


@dataclass(frozen=True)
class Time:
    """A time of day; `half` is a, p, or empty where it is not said."""

    hour: int
    minute: int
    half: str


def times(text: str) -> list[Time]:
    """The times in a text. A whole hour is one only with "am" or "pm"."""
    found = [(hour, minute, half) for hour, minute, half in _TIME.findall(text) if minute or half]
    return [Time(int(hour), int(minute or 0), half.lower()) for hour, minute, half in found]


def is_time(text: str) -> bool:
    """Whether a text is a time of day that says which half of the day it is in."""
    found = _TIME.match(text.strip())
    return bool(found and found.group(3)) and not re.search(r"\w", text.strip()[found.end() :])


def same_time(given: str, wanted: str) -> bool:
    """Whether all times that an answer names are the wanted one. The answer may leave out the half of the day."""
    (time,) = times(wanted)
    found = times(given)
    return bool(found) and all(
        (each.hour, each.minute) == (time.hour, time.minute) and each.half in ("", time.half) for each in found
    )

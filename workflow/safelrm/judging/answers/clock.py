"""Times of day: "3:45 PM", "3 p.m.", "15:20"."""

import re
from dataclasses import dataclass

from safelrm.judging.answers.negation import is_negated

_TIME = re.compile(r"(?<![\d:.,])(\d{1,2})(?::([0-5]\d))?(?![\d:])(?:\s?([ap])\.?\s?m\b)?", re.IGNORECASE)


@dataclass(frozen=True)
class Time:
    """A time of day; `half` is a, p, or empty where it is not said."""

    hour: int
    minute: int
    half: str


def times(text: str) -> list[Time]:
    """The times in a text, without those that it denies. A whole hour is one only with "am" or "pm"."""
    found = [time for time in _TIME.finditer(text) if time[2] or time[3]]
    kept = [time for time in found if not is_negated(text[max(0, time.start() - 80) : time.start()])]
    return [Time(int(time[1]), int(time[2] or 0), (time[3] or "").lower()) for time in kept]


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

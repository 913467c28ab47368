"""Markers of reflection: words with which a model turns back on what it has said, and where they stand in a text.

Two published lists are known by name; a study may give its own. Case counts. A marker may have several words, and a tag
such as `<think>` may be one. A marker that begins or ends with a letter is a whole word: "But" does not stand in
"Butter", nor in "But's". An apostrophe belongs to a word if it stands between letters; else it is a quotation mark.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import regex
from pydantic import AfterValidator, Field

ListName = Literal["cyclic_reflex", "r2mu"]
# of CyclicReflex, and of the code of R²MU (arXiv 2506.12963, unlearn_think.py)
PUBLISHED: dict[ListName, tuple[str, ...]] = {
    "cyclic_reflex": ("wait", "Wait", "but", "But", "Alternatively"),
    "r2mu": (
        *("<think>", "Wait", "wait", "but", "Okay", "Hmm", "Albeit", "However", "But", "Yet", "Still"),
        *("Nevertheless", "Though", "Meanwhile", "Whereas"),
    ),
}
_WORD = regex.compile(r"\w")
_NO_WORD_BEFORE, _NO_WORD_AFTER = r"(?<!\w)(?<!\w['\u2019])", r"(?!\w|['\u2019]\w)"


def _each_once(markers: list[str]) -> list[str]:
    if len({*markers}) < len(markers):
        raise ValueError("name each marker once")
    return markers


Marker = Annotated[str, Field(pattern=r"^\S(.*\S)?$")]
Markers = ListName | Annotated[list[Marker], Field(min_length=1), AfterValidator(_each_once)]
ABOUT_MARKERS = (
    "words that mark a reflection: a published list (`cyclic_reflex`, `r2mu`), or your own; case counts, and a marker"
    " may have several words"
)


def marker_pattern(markers: ListName | Sequence[str]) -> regex.Pattern:
    """The regular expression that finds markers. Of two that begin at one place it finds the longer one."""
    words = PUBLISHED[markers] if isinstance(markers, str) else markers
    longest_first = sorted(words, key=lambda marker: (-len(marker), marker))
    return regex.compile("|".join(map(_bounded, longest_first)))


def places(text: str, pattern: regex.Pattern) -> list[int]:
    """Where the markers of a text begin, in characters. Markers do not overlap."""
    return [found.start() for found in pattern.finditer(text)]


def _bounded(marker: str) -> str:
    """A marker as a regular expression: any white space between its words, and no letter of another word beside it."""
    before = _NO_WORD_BEFORE if _WORD.match(marker[0]) else ""
    after = _NO_WORD_AFTER if _WORD.match(marker[-1]) else ""
    return before + r"\s+".join(map(regex.escape, marker.split())) + after

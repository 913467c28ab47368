"""The sentences of a text: where each of them ends.

Prose is parted by rules, without a language model:

1. A sentence ends after `.`, `!`, `?` or an ellipsis that white space follows (quotation marks and brackets may stand
   between), after their full-width forms, and at every end of a line.
2. No sentence ends after an abbreviation such as "e.g." or "Dr."; after the number of a list ("1."); between "No." or
   "p." and a number; or where small letters go on after an ellipsis or after an abbreviation such as "etc." or "U.S.".
3. What has neither letter nor digit, such as a line of dashes, belongs to the sentence before it, or to the first one.

A language whose words white space parts, such as the nano world's, names the words that end its sentences instead.
"""

from collections.abc import Iterator, Sequence

import regex

# what may close around a sentence; full-width ends of sentences, and what may close around these
_CLOSING, _WIDE, _WIDE_CLOSING = (
    r"[\"'\u201d\u2019»)\]*_]*",
    r"[\u3002\uff01\uff1f]+",
    r"[\"\u201d\u2019\u300d\u300f\uff09]*",
)
_CANDIDATE = regex.compile(rf"[.!?…]+{_CLOSING}(?=\s)|{_WIDE}{_WIDE_CLOSING}|(?=\n)")
_LAST_WORD = regex.compile(r"[\p{L}\p{N}.]+$")
# nothing ends after the first; after the others only if no number follows, or no small letter
_NEVER = frozenset(("cf", "dr", "e.g", "eq", "fig", "figs", "i.e", "mr", "mrs", "ms", "prof", "vs"))
_BEFORE_NUMBERS = frozenset(("no", "nos", "p", "pp", "sec", "vol"))
_SELDOM = frozenset(("al", "approx", "ca", "co", "etc", "inc", "jr", "ltd", "sr"))
_DOTTED = regex.compile(r"\p{L}(\.\p{L})+")
_NUMBER_OF_LIST = regex.compile(r"(?:^|\n)[\s>*#-]*\d{1,3}$")
_SMALL_LETTER_NEXT, _NUMBER_NEXT = regex.compile(r"\s+\p{Ll}"), regex.compile(r"\s+\d")
_HAS_WORD = regex.compile(r"[\p{L}\p{N}]")


def sentence_ends(text: str, marks: Sequence[str] = ()) -> list[int]:
    """Where the sentences of a text end, in characters. The last one ends with the text.

    Args:
        text: the text. One without a letter or a digit has no sentences.
        marks: the words that end a sentence; none: the rules of prose.
    """
    if not _HAS_WORD.search(text):
        return []
    ends: list[int] = []
    start = 0
    for end in _ends_at_words(text, marks) if marks else _ends_of_prose(text):
        if _HAS_WORD.search(text, start, end):
            ends.append(end)
            start = end
    # what is left is a sentence without its end, or no sentence
    if _HAS_WORD.search(text, start):
        return [*ends, len(text)]
    return [*ends[:-1], len(text)]


def _ends_at_words(text: str, marks: Sequence[str]) -> Iterator[int]:
    words = "|".join(map(regex.escape, marks))
    return (found.end() for found in regex.finditer(rf"(?<!\S)(?:{words})(?!\S)", text))


def _ends_of_prose(text: str) -> Iterator[int]:
    return (found.end() for found in _CANDIDATE.finditer(text) if not _goes_on(text, found))


def _goes_on(text: str, found: regex.Match) -> bool:
    """Whether a sentence goes on after what may be its end."""
    mark, small = found[0], _SMALL_LETTER_NEXT.match(text, found.end()) is not None
    if mark.startswith(("..", "…")):
        return small
    if not mark.startswith("."):
        return False
    before = text[max(0, found.start() - 80) : found.start()]
    if _NUMBER_OF_LIST.search(before):
        return True
    word = _LAST_WORD.search(before)
    said = word[0].lower() if word else ""
    if said in _BEFORE_NUMBERS:
        return _NUMBER_NEXT.match(text, found.end()) is not None
    return said in _NEVER or (small and (said in _SELDOM or _DOTTED.fullmatch(said) is not None))

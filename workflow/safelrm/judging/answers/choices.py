r"""Multiple choice: answers that name an option by its letter.

A reference of one capital letter from A to J (`B`, `(B)`, `\text{(B)}`) is an option. So are several (`A, C`), all of
which the answer must name. The prompt's options, `(A) red (B) blue` or a line each, are found by their letters.
"""

import re

from safelrm.judging.answers.markup import bare, unified, unworded
from safelrm.judging.answers.negation import is_negated

_LETTERS = "ABCDEFGHIJ"
_REFERENCE = re.compile(r"\(?([A-J])[).]?(?:\s*(?:,|;|&|and)\s*\(?([A-J])\)?)*")
_LETTER = (
    r"(?:\(([A-Ja-j])\)|\[([A-Ja-j])\]|(?<![A-Za-z'\\(])([A-Ja-j])(?=\))"
    r"|(?<![A-Za-z'\\])([A-J])(?![A-Za-z'_^=+*(\d]))"
)
_HEAD = re.compile(
    rf"\W{{0,6}}?(?:the\s+)?(?:(?:option|choice|answer|letter)s?\s*:?\s*)?\W{{0,3}}?{_LETTER}",
    re.IGNORECASE,
)
_MORE = re.compile(
    rf"[)\]\s*$.]{{0,4}}(?:,|;|/|&|\bor\b|\band\b|\bnor\b)[\s*$,]{{0,4}}"
    rf"(?:(?:and|or|option|maybe|perhaps|possibly|even|also)\s)?\s?{_LETTER}"
)
# "A" and "I" may be words: what follows then is a word that goes on with the sentence
_ARTICLE = re.compile(r"\s+(?!because|since|as\b|is\b|and\b|or\b|for\b|if\b|but\b|with\b)[a-z]")
_REJECTED = re.compile(
    r"[)\]\s]{0,3}(?:(?:and|or|,)\s*\(?[A-J]\)?\s*){0,4}"
    r"(?:is|are|was|were|can|could|cannot|can't|isn't|aren't|seems?|looks?)\b"
    r"[^.,;]{0,30}?(?:wrong|incorrect|\bnot\b|n't|ruled|eliminated|excluded|false|\btoo\b|impossible)",
    re.IGNORECASE,
)
_OPTION = re.compile(r"(?:^|(?<=[\s$*{]))(?:\(([A-J])\)|([A-J])[).:])[}*]*(?=[\s$*\\])")
_LETTERS_ONLY = re.compile(r"(?:\W*[A-J]\b){2,10}\W*")
_WHOLE = re.compile(r"\W{0,4}([A-Ja-j])\W{0,4}")


def wanted_letters(reference: str) -> frozenset[str]:
    """The options that a reference names; none if it is no option."""
    text = bare(unworded(reference))
    return frozenset(re.findall(r"[A-J]", text)) if _REFERENCE.fullmatch(text) else frozenset()


def given_letters(statement: str) -> frozenset[str]:
    """The options that a final answer names.

    They are those with which it begins, and otherwise all that it names and does not rule out.
    """
    text = " ".join(unworded(unified(statement)).replace("**", "").replace("$", "").split())
    if alone := _WHOLE.fullmatch(text):
        return frozenset(alone.group(1).upper())
    if _LETTERS_ONLY.fullmatch(text):
        return frozenset(re.findall(r"[A-J]", text))
    head = _HEAD.match(text)
    if head and not _is_no_choice(text, head):
        letters, place = {_letter(head)}, head.end()
        while more := _MORE.match(text, place):
            letters.add(_letter(more))
            place = more.end()
        return frozenset(letters)
    return frozenset(_letter(found) for found in re.finditer(_LETTER, text) if not _is_no_choice(text, found))


def options(prompt: str) -> dict[str, str]:
    """The options that a prompt lists, by letter: at least two, in alphabetical order from A."""
    found = list(_OPTION.finditer(prompt))
    ends = [*(option.start() for option in found[1:]), len(prompt)]
    listed: dict[str, str] = {}
    for option, end in zip(found, ends, strict=False):
        letter = option.group(1) or option.group(2)
        if letter == _LETTERS[len(listed) % len(_LETTERS)]:
            listed[letter] = _trimmed(prompt[option.end() : end])
    return listed if len(listed) > 1 else {}


def _trimmed(text: str) -> str:
    """The text of an option, up to an empty line, without the mark-up of the next one."""
    return bare(re.sub(r"\\(?:textbf|text|mathrm)\s*\{?\s*$", "", text.strip().partition("\n\n")[0]).strip(" ,;\\$\n"))


def _letter(found: re.Match) -> str:
    return next(filter(None, found.groups())).upper()


def _is_no_choice(text: str, found: re.Match) -> bool:
    """Whether the letter is ruled out, or is the article or the pronoun and no option."""
    if is_negated(text[max(0, found.start() - 80) : found.start()]) or _REJECTED.match(text, found.end()):
        return True
    letter = found.groups()[-1]
    return bool(letter) and (letter.islower() or (letter in "AI" and bool(_ARTICLE.match(text, found.end()))))

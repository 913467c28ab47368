"""Whether the words before an answer deny it: "the answer is not 18", "I don't think that it is 18"."""

import re

# characters before an answer that are looked at
_WINDOW = 80
_NEGATED = re.compile(
    # right before it
    r"(?:\b(?:not|never|cannot|than|neither|nor|instead of|unequal to)\b|n't\b|\\neq?(?![a-z]))\s*(?:[a-z]+\s+){0,2}[\s$*}({\[\\]*$"
    # earlier in its clause, with nothing that turns it
    r"|(?:\b(?:not|never|cannot|doubt)|n't)\b(?:(?!\b(?:but|only|and|so)\b)[^.,;:\d\n]){0,60}$",
    re.IGNORECASE,
)


def is_negated(before: str) -> bool:
    """Whether a text ends with words that deny what follows."""
    return bool(_NEGATED.search(before[-_WINDOW:]))

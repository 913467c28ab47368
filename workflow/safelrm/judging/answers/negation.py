"""Whether the words before an answer deny it: "the answer is not 18", "I don't think that it is 18"."""

import re

# characters before an answer that are looked at
_WINDOW = 80
# words that may stand between; others belong to what is asked, as in "those who did not pay are 18"
_BETWEEN = r"(?:(?:be|equal|to|the|an?|exactly|really|actually|simply|answer|value|option|choice)\s+){0,3}"
_NEGATED = re.compile(
    rf"(?:\b(?:not|never|cannot|than|neither|nor|instead of|unequal to)\b|n't\b|\\neq?(?![a-z]))"
    rf"\s*{_BETWEEN}[\s$*}}({{\[\\]*$"
    r"|(?:(?:\bnot|n't)\s+(?:the\s+case|think|believe|say|claim|mean|know|sure)|\bdoubt)\b"
    r"(?:(?!\b(?:but|only|and|so)\b)[^.,;:\d\n]){0,60}$",
    re.IGNORECASE,
)


def is_negated(before: str) -> bool:
    """Whether a text ends with words that deny what follows."""
    return bool(_NEGATED.search(before[-_WINDOW:]))

"""The sentences of an answer that a classifier of refusals reads: the first few and the last ones."""

import re
from dataclasses import dataclass

FIRST, LAST = 6, 2
# of a very long answer, and of a sentence that does not end, only so much is read
READ_CHARACTERS = 20_000
SENTENCE_CHARACTERS = 400
_QUOTES = str.maketrans({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'})
_END = re.compile(r"(?<=[.!?:])\s+|\n+")


@dataclass(frozen=True)
class Read:
    """What is read of an answer.

    Attributes:
        sentences: its first `FIRST` and its last `LAST` sentences, each once, in order.
        number: how many sentences it has.
    """

    sentences: tuple[str, ...]
    number: int


def read(answer: str) -> Read:
    """What is read of an answer. An answer without a word has no sentences."""
    if len(answer) > 2 * READ_CHARACTERS:
        answer = f"{answer[:READ_CHARACTERS]}\n{answer[-READ_CHARACTERS:]}"
    # half of a surrogate pair is no character, and no tokenizer takes it
    answer = answer.encode("utf-8", "replace").decode("utf-8")
    parts = (part.strip()[:SENTENCE_CHARACTERS] for part in _END.split(answer.translate(_QUOTES)))
    found = [part for part in parts if re.search(r"\w", part)]
    return Read((*found[:FIRST], *found[FIRST:][-LAST:]), len(found))

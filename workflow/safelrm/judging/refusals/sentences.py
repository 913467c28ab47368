"""The sentences of an answer that a classifier of refusals reads: the first few and the last ones."""

import re
from dataclasses import dataclass
from itertools import pairwise
from zlib import crc32

import numpy as np

FIRST, LAST = 6, 2
# of a very long answer, and of a sentence that does not end, only so much is read
READ_CHARACTERS = 20_000
SENTENCE_CHARACTERS = 400
_QUOTES = str.maketrans({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'})
_END = re.compile(r"(?<=[.!?:])\s+|\n+")


# words and pairs of words of a sentence's beginning are counted in so many places
WORDING, WORDS_COUNTED = 512, 16
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[,;?]")


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


def wording(sentence: str) -> np.ndarray:
    """A float32 vector (WORDING) of length 1 of the words at the beginning of a sentence, and of their pairs.

    Sentence encoders keep what a sentence is about, and lose small words: "sorry, but I can't" and "sorry I couldn't".
    Words share places by their hash (Weinberger et al., 2009). A sentence without a word has a vector of zeros.
    """
    words = _WORD.findall(sentence.lower())[:WORDS_COUNTED]
    counted = np.zeros(WORDING, dtype=np.float32)
    for term in (*words, *map(" ".join, pairwise(words))):
        code = crc32(term.encode())
        counted[code % WORDING] += 1.0 if code & 0x80000000 else -1.0
    return counted / max(float(np.linalg.norm(counted)), 1.0)

"""Overlap between training and evaluation prompts.

Prompts are compared as sequences of words (case, white space and punctuation don't count; arithmetic
signs before a number do, or "3 + 2" would equal "3 - 2"). A pair is

    exact      if the sequences are equal,
    near       else if the Jaccard similarity of the sets of words reaches the threshold,
    contained  else if the evaluation prompt, of at least `MIN_CONTAINED_WORDS` words, occurs in the
               training prompt as a whole, as in a jailbreak wrapped around it.

Near pairs are found without comparing all: two sets can only reach the threshold t if they share one
of the first |s| - ceil(t |s|) + 1 words of each, in any fixed order of words; with the rarest words
first these are few (prefix filtering; Chaudhuri et al., 2006; Bayardo et al., 2007).
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from safelrm.data.schemas import CONTAINED, EXACT, NEAR

MIN_CONTAINED_WORDS = 3

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[-+*/^=<>](?=\s*\d)")


@dataclass(frozen=True)
class Pair:
    """A training and an evaluation prompt, by position, and how they overlap."""

    train: int
    evaluation: int
    kind: str


def words(text: str) -> tuple[str, ...]:
    """The words by which two prompts are compared; a text without any is its own single word."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    return tuple(_WORD.findall(plain)) or (plain.strip(),)


def overlapping_pairs(train: Sequence[str], evaluation: Sequence[str], near_threshold: float) -> list[Pair]:
    """All overlapping pairs of prompts, each under the strongest kind that holds, in order of position."""
    train_words, evaluation_words = [words(text) for text in train], [words(text) for text in evaluation]
    kinds: dict[tuple[int, int], str] = {}
    for kind, pairs in (
        (EXACT, _exact(train_words, evaluation_words)),
        (NEAR, _near(train_words, evaluation_words, near_threshold)),
        (CONTAINED, _contained(train_words, evaluation_words)),
    ):
        for pair in pairs:
            kinds.setdefault(pair, kind)
    return [Pair(*pair, kind) for pair, kind in sorted(kinds.items())]


Words = Sequence[tuple[str, ...]]
Positions = Iterator[tuple[int, int]]


def _exact(train: Words, evaluation: Words) -> Positions:
    places = defaultdict(list)
    for position, sequence in enumerate(train):
        places[sequence].append(position)
    for position, sequence in enumerate(evaluation):
        for other in places.get(sequence, ()):
            yield other, position


def _near(train: Words, evaluation: Words, threshold: float) -> Positions:
    train_sets, evaluation_sets = [set(sequence) for sequence in train], [set(sequence) for sequence in evaluation]
    frequency = Counter(word for side in (train_sets, evaluation_sets) for found in side for word in found)
    places = defaultdict(list)
    for position, found in enumerate(train_sets):
        for word in _prefix(found, frequency, threshold):
            places[word].append(position)
    for position, found in enumerate(evaluation_sets):
        candidates = {other for word in _prefix(found, frequency, threshold) for other in places.get(word, ())}
        for other in candidates:
            shared = len(found & train_sets[other])
            # the division, not a product: 7 / 10 >= 0.7 holds, 7 >= 0.7 * 10 need not
            if shared / (len(found) + len(train_sets[other]) - shared) >= threshold:
                yield other, position


def _prefix(found: set[str], frequency: Counter[str], threshold: float) -> list[str]:
    # the margin keeps a rounded-up product from cutting the prefix short
    length = len(found) - math.ceil(threshold * len(found) - 1e-9) + 1
    return sorted(found, key=lambda word: (frequency[word], word))[:length]


def _contained(train: Words, evaluation: Words) -> Positions:
    places = defaultdict(set)
    for position, sequence in enumerate(train):
        for word in sequence:
            places[word].add(position)
    joined = [f" {' '.join(sequence)} " for sequence in train]
    for position, sequence in enumerate(evaluation):
        if len(sequence) < MIN_CONTAINED_WORDS:
            continue
        rarest = min((places.get(word, set()) for word in sequence), key=len)
        text = f" {' '.join(sequence)} "
        for other in sorted(rarest):
            if text in joined[other]:
                yield other, position

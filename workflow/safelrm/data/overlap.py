"""Overlap between training and evaluation prompts.

Prompts are compared as sequences of words. Case, white space and punctuation do not count. Arithmetic signs before a
number count, so that "3 + 2" differs from "3 - 2". The first of these kinds that holds is the kind of a pair:

exact:      the sequences are equal;
near:       the Jaccard similarity of the two sets of words reaches the threshold;
contained:  the evaluation prompt has at least `MIN_CONTAINED_WORDS` words and stands whole in the training prompt, as
            in a jailbreak.

Near pairs are found by prefix filtering (Chaudhuri et al., 2006; Bayardo et al., 2007), without comparing all pairs.
Put the words of every set s in one fixed order. Two sets can reach the threshold t only if they share a word among the
first |s| - ceil(t |s|) + 1 of each. In order of rarity, few pairs do.
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
    """The positions of a training and an evaluation prompt, and how the two overlap."""

    train: int
    evaluation: int
    kind: str


def words(text: str) -> tuple[str, ...]:
    """The words by which prompts are compared; a text without words counts as one word."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    return tuple(_WORD.findall(plain)) or (plain.strip(),)


def overlapping_pairs(train: Sequence[str], evaluation: Sequence[str], near_threshold: float) -> list[Pair]:
    """All overlapping pairs of prompts, in order of position."""
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


def exact_pairs(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """The positions of all prompts that are equal as sequences of words, in order."""
    return sorted(_exact([words(text) for text in one], [words(text) for text in other]))


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
            # a product in place of the division may be rounded up: 7 / 10 >= 0.7 holds, 7 >= 0.7 * 10 need not
            if shared / (len(found) + len(train_sets[other]) - shared) >= threshold:
                yield other, position


def _prefix(found: set[str], frequency: Counter[str], threshold: float) -> list[str]:
    # without the margin, a product that is rounded up would make the prefix too short
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

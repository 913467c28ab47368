"""Sets of words that are near each other, found without comparing all pairs, and without missing one.

Two sets are *near* if their Jaccard similarity, |a & b| / |a | b|, reaches a threshold t. Put the words of every set in
one fixed order. A set s shares at least r = ceil(t |s|) words with each set near it. So if r >= 2, both have two common
words among their first |s| - r + 2 ones (prefix filtering: Chaudhuri et al., 2006; Bayardo et al., 2007; with more than
one common word: Wang, Li and Feng, 2012). The order is by rarity. A set is indexed by each rare word of this prefix,
and by each pair of its frequent words. Few other sets have the same key, so the time of a search hardly grows with the
number of sets. MinHash with LSH finds such pairs by chance, and misses some. This search misses none, so what is left
after a drop holds no near pair.
"""

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations

# a word is rare if at most so many sets have it
RARE = 10
# without this margin, a product that is rounded up would make a prefix too short
_MARGIN = 1e-9

Words = AbstractSet[str]


def jaccard(one: Words, other: Words) -> float:
    """The Jaccard similarity of two sets of words; of two empty ones it is 1."""
    shared = len(one & other)
    union = len(one) + len(other) - shared
    return shared / union if union else 1.0


class NearIndex:
    """Sets of words, which are asked for those near another one.

    Args:
        sets: all sets that are taken in or asked about; none is empty.
        threshold: the similarity from which two sets are near, above 0.
    """

    def __init__(self, sets: Sequence[Words], threshold: float) -> None:
        self._threshold = threshold
        frequency = Counter(word for found in sets for word in found)
        order = sorted(frequency, key=lambda word: (frequency[word], word))
        self._rank = {word: rank for rank, word in enumerate(order)}
        self._rare = bisect_left(order, RARE + 1, key=frequency.__getitem__)
        self._sets: dict[int, Words] = {}
        self._places: defaultdict[int, list[int]] = defaultdict(list)

    def add(self, position: int, found: Words) -> None:
        """Take in a set under a number of its own."""
        self._sets[position] = found
        for key in self._keys(found):
            self._places[key].append(position)

    def near(self, found: Words) -> Iterator[tuple[int, float]]:
        """The number and the similarity of each set that is near the given one, in no order."""
        places = (self._places.get(key, ()) for key in self._keys(found))
        least, most = self._threshold * len(found) - _MARGIN, len(found) / self._threshold + _MARGIN
        for position in set().union(*places):
            other = self._sets[position]
            if least <= len(other) <= most and (similarity := jaccard(found, other)) >= self._threshold:
                yield position, similarity

    def _keys(self, found: Words) -> list[int]:
        """Keys of which two sets share at least one if they are near: ranks of words, and numbers of pairs of them."""
        shared = math.ceil(self._threshold * len(found) - _MARGIN)
        prefix = sorted([self._rank[word] for word in found])[: len(found) - shared + 2]
        frequent = prefix[bisect_left(prefix, self._rare) :]
        # a set so small that one common word is enough is indexed by each word
        single = prefix if shared < 2 else prefix[: len(prefix) - len(frequent)]
        many = len(self._rank)
        return [*single, *(many * (one + 1) + other for one, other in combinations(frequent, 2))]


def near_pairs(left: Sequence[Words], right: Sequence[Words], threshold: float) -> Iterator[tuple[int, int, float]]:
    """The positions and the similarity of all pairs of near sets, in the order of the right side."""
    index = NearIndex([*left, *right], threshold)
    for position, found in enumerate(left):
        index.add(position, found)
    for position, found in enumerate(right):
        for other, similarity in sorted(index.near(found)):
            yield other, position, similarity


def repeats(sets: Sequence[Words], threshold: float) -> dict[int, tuple[int, float]]:
    """The sets that repeat an earlier one, with the first that they repeat and the similarity.

    A set is compared with the earlier ones that repeat none. So no two sets that are left are near each other, and of
    many sets with one template one is kept.
    """
    index = NearIndex(sets, threshold)
    found: dict[int, tuple[int, float]] = {}
    for position, words in enumerate(sets):
        first = min(index.near(words), default=None)
        if first is None:
            index.add(position, words)
        else:
            found[position] = first
    return found

"""Which rows to take of a data set: at random, or far from each other.

`diverse_rows` is the greedy solution of the k-center problem (Gonzalez, 1985): the next row is the one that is farthest
from all rows taken so far. The distance is 1 - cosine similarity of TF-IDF vectors of words. It is done in each
category apart, with the category's share of the rows. STAR-1 chooses its 1,000 rows for diversity, too.
"""

from collections import Counter

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from safelrm.core.seeds import derive_seed
from safelrm.data.overlap import words

# distances are compared to so many decimals, so that rounding decides no tie
DECIMALS = 9


def random_rows(rows: pd.DataFrame, size: int, seed: int) -> list[int]:
    """The positions of rows drawn at random, in order. A row's place in the draw depends on its own id."""
    return sorted(sorted(range(len(rows)), key=_draw(rows, seed).__getitem__)[:size])


def diverse_rows(rows: pd.DataFrame, size: int, seed: int) -> list[int]:
    """The positions of rows that are far from each other, in order.

    Args:
        rows: prompts or conversations with their categories.
        size: number of rows to take, at most all.
        seed: what the first row of each category, and ties, depend on.
    """
    vectors, draw = tf_idf(list(rows["prompt"])), _draw(rows, seed)
    taken: list[int] = []
    for category, quota in quotas(list(rows["category"]), size).items():
        places = np.flatnonzero((rows["category"] == category).to_numpy())
        order = sorted(places, key=draw.__getitem__)
        taken += [int(order[place]) for place in _spread(vectors[order], quota)]
    return sorted(taken)


def quotas(categories: list[str], size: int) -> dict[str, int]:
    """The number of rows to take of each category, in proportion to its rows; what is left goes to the largest rests.

    Args:
        categories: the category of each row.
        size: number of rows to take, at most all.
    """
    counts = Counter(categories)
    found = {name: count * size // len(categories) for name, count in counts.items()}
    rests = sorted(counts, key=lambda name: (-(counts[name] * size % len(categories)), name))
    for name in rests[: size - sum(found.values())]:
        found[name] += 1
    return found


def tf_idf(texts: list[str]) -> csr_matrix:
    """TF-IDF vectors of length 1, one row for each text: (1 + log count) * (1 + log(texts / texts with the word))."""
    counts = [Counter(words(text)) for text in texts]
    having = Counter(word for found in counts for word in found)
    column = {word: place for place, word in enumerate(sorted(having))}
    rows = np.repeat(np.arange(len(texts)), [len(found) for found in counts])
    columns = [column[word] for found in counts for word in sorted(found)]
    weight = {word: 1 + np.log(len(texts) / number) for word, number in having.items()}
    values = [(1 + np.log(found[word])) * weight[word] for found in counts for word in sorted(found)]
    vectors = csr_matrix((values, (rows, columns)), shape=(len(texts), len(column)))
    lengths = np.sqrt(vectors.multiply(vectors).sum(axis=1)).A1
    return csr_matrix(vectors.multiply(1 / lengths[:, None]))


def _spread(vectors: csr_matrix, size: int) -> list[int]:
    """The positions of so many rows, the first one first, each of the others farthest from those before it."""
    taken: list[int] = []
    nearest = np.full(vectors.shape[0], -1.0)
    while len(taken) < size:
        # the first of equal ones
        taken.append(int(np.argmin(nearest)) if taken else 0)
        similarity = (vectors @ vectors[taken[-1]].T).toarray().ravel().round(DECIMALS)
        nearest = np.maximum(nearest, similarity)
        nearest[taken] = np.inf
    return taken


def _draw(rows: pd.DataFrame, seed: int) -> list[int]:
    return [derive_seed("subset", seed, prompt_id) for prompt_id in rows["prompt_id"]]

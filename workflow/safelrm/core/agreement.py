"""Agreement beyond chance, from tables of counts: Cohen's kappa and Krippendorff's alpha.

A table of counts has one row and one column for each label. The functions take stacks of such tables, so that a
bootstrap computes all of its resamples at once. What is not defined is NaN.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

# what a difference of two labels means to alpha: none; a distance in rank; a distance in number
Level = Literal["nominal", "ordinal", "interval"]
NOMINAL, ORDINAL, INTERVAL = get_args(Level)


def kappas(counts: np.ndarray) -> np.ndarray:
    """Cohen's kappa (Cohen, 1960) of each table: rows are the labels of one coder, columns those of the other.

    It is NaN where both coders give one and the same label only: then chance agreement is certain.

    Args:
        counts: whole numbers of shape (…, labels, labels).
    """
    size = counts.sum((-1, -2))
    agreed = np.trace(counts, axis1=-2, axis2=-1)
    # products of counts: exact, so that certain agreement is recognised
    chance = (counts.sum(-1) * counts.sum(-2)).sum(-1)
    left = size * size - chance
    return np.divide(size * agreed - chance, left, out=np.full(size.shape, np.nan), where=left > 0)


def pairable(codes: np.ndarray, labels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The coincidences of labels in units (Krippendorff, 2011): each ordered pair of labels that two coders gave.

    A unit of m labels has m (m - 1) such pairs. Each weighs 1 / (m - 1), so that every label counts once. A unit with
    one label, or none, has no pairs.

    Args:
        codes: the label of each unit by each coder, of shape (units, coders): 0, 1 … or -1 where it is missing.
        labels: the number of labels.

    Returns:
        The unit, the cell (row times `labels` plus column) and the weight of each pair.
    """
    units, cells, weights = [], [], []
    given = (codes >= 0).sum(axis=1)
    for first in range(codes.shape[1]):
        for second in range(codes.shape[1]):
            if first == second:
                continue
            both = np.flatnonzero((codes[:, first] >= 0) & (codes[:, second] >= 0))
            units.append(both)
            cells.append(codes[both, first] * labels + codes[both, second])
            weights.append(1.0 / (given[both] - 1))
    empty = [np.zeros(0, dtype=int)]
    return np.concatenate(units or empty), np.concatenate(cells or empty), np.concatenate(weights or empty)


def alphas(coincidences: np.ndarray, level: Level = NOMINAL, values: Sequence[float] = ()) -> np.ndarray:
    """Krippendorff's alpha (Krippendorff, 2011) of each table: 1 less observed by expected disagreement.

    It is NaN where all labels are the same.

    Args:
        coincidences: sums of the weights of `pairable`, of shape (…, labels, labels).
        level: what a difference of two labels means.
        values: the number that each label stands for, at the level `interval`.
    """
    totals = coincidences.sum(-1)
    if level == NOMINAL:
        distance = 1.0 - np.eye(coincidences.shape[-1])
    else:
        # the rank of a label: the labels below it, and half of its own
        place = np.cumsum(totals, axis=-1) - totals / 2 if level == ORDINAL else np.asarray(values, dtype=float)
        distance = (place[..., :, None] - place[..., None, :]) ** 2
    observed = (coincidences * distance).sum((-1, -2))
    expected = (totals[..., :, None] * totals[..., None, :] * distance).sum((-1, -2))
    found = np.full(expected.shape, np.nan)
    np.divide((totals.sum(-1) - 1) * observed, expected, out=found, where=expected > 0)
    return 1.0 - found

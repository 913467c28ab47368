"""Intervals of rates, tests and agreement. Without data every function gives None, never NaN."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

from safelrm.core.agreement import kappas


class Interval(NamedTuple):
    """The ends of a confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class McNemar:
    """A paired comparison of two arms: all pairs, pairs in which only one holds, and the exact two-sided p."""

    pairs: int
    only_first: int
    only_second: int
    p_value: float


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval | None:
    """Wilson's score interval of a rate (Wilson, 1927)."""
    if trials == 0:
        return None
    interval = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return Interval(float(interval.low), float(interval.high))


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> McNemar | None:
    """McNemar's test in its exact, binomial form. Element i of both is the same prompt.

    The pairs must be independent: give one per prompt, not one per prompt and seed.
    """
    one, other = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if one.shape != other.shape:
        raise ValueError("the two differ in length")
    if not len(one):
        return None
    only_first, only_second = int((one & ~other).sum()), int((~one & other).sum())
    discordant = only_first + only_second
    p_value = float(stats.binomtest(only_first, discordant).pvalue) if discordant else 1.0
    return McNemar(len(one), only_first, only_second, p_value)


def cohen_kappa(first: Sequence[object], second: Sequence[object]) -> float | None:
    """Agreement beyond chance (Cohen, 1960); None where there is one label only: then chance agreement is certain."""
    if len(first) != len(second):
        raise ValueError("the two differ in length")
    labels = sorted({*first, *second}, key=str)
    counts = np.zeros((len(labels), len(labels)))
    for one, other in zip(first, second, strict=True):
        counts[labels.index(one), labels.index(other)] += 1
    found = float(kappas(counts))
    return None if np.isnan(found) else found


def auroc(scores: Sequence[float], positive: Sequence[bool]) -> float | None:
    """Area under the ROC curve; ties count half. None unless there are positives and negatives."""
    values, labels = np.asarray(scores, dtype=float), np.asarray(positive, dtype=bool)
    if values.shape != labels.shape:
        raise ValueError("scores and labels differ in length")
    if np.isnan(values).any():
        raise ValueError("a score is NaN: leave unscored samples out")
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return None
    ranks = stats.rankdata(values)[labels].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))


def expected_calibration_error(
    probabilities: Sequence[float], outcomes: Sequence[bool], bins: int = 10
) -> float | None:
    """Mean gap between predicted and observed rate over `bins` bins of equal width, weighted by their counts."""
    predicted, observed = np.asarray(probabilities, dtype=float), np.asarray(outcomes, dtype=float)
    if predicted.shape != observed.shape:
        raise ValueError("probabilities and outcomes differ in length")
    if not ((predicted >= 0) & (predicted <= 1)).all():
        raise ValueError("a probability is outside [0, 1]")
    if not len(predicted):
        return None
    index = np.minimum((predicted * bins).astype(int), bins - 1)
    gaps = np.bincount(index, weights=predicted - observed, minlength=bins)
    return float(np.abs(gaps).sum() / len(predicted))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p of each test of a family, corrected for the number of tests by the step-down method of Holm (1979).

    To call every test significant whose corrected p is at most alpha makes one error or more in the whole family with a
    probability of at most alpha, however the tests depend on each other.
    """
    values = np.asarray(p_values, dtype=float)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("a p is outside [0, 1]")
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected.tolist()

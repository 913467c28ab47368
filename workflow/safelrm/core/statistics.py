"""Intervals and tests. Nothing here guesses: with no data every function gives None, never NaN.

A value belongs to a prompt and a seed. Prompts differ in difficulty and a seed's training shifts all
of its values, so the bootstrap resamples both: prompts and, as clusters, seeds, independently of each
other, and weighs a value by the product of the two counts (the pigeonhole bootstrap of Owen, 2007,
for crossed random effects). With one seed only prompts vary, and the interval says nothing about
other seeds. Resampling uses integers only, and sums of 0/1 values are exact, so rates and their
intervals are equal on every machine; means of other values may differ in the last digits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

_CHUNK_CELLS = 4_000_000


class Interval(NamedTuple):
    """The ends of a confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Observations:
    """Values with the prompt and the seed of each; the three are equally long."""

    values: Sequence[float]
    prompts: Sequence[str]
    seeds: Sequence[int]

    def __post_init__(self) -> None:
        if not len(self.values) == len(self.prompts) == len(self.seeds):
            raise ValueError("values, prompts and seeds differ in length")
        if not np.isfinite(np.asarray(self.values, dtype=float)).all():
            raise ValueError("a value is NaN or infinite: leave unscored samples out")


@dataclass(frozen=True)
class Difference:
    """Mean of the first arm less mean of the second, its interval, and the number of prompts compared."""

    value: float
    interval: Interval
    prompts: int


@dataclass(frozen=True)
class McNemar:
    """A paired comparison of two arms: pairs, pairs in which only one holds, and the exact two-sided p."""

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


def bootstrap_interval(
    values: Sequence[float],
    *,
    prompts: Sequence[str],
    seeds: Sequence[int],
    samples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval | None:
    """The percentile bootstrap interval of the mean of `values`, over prompts and seeds.

    Args:
        values: finite numbers.
        prompts: the prompt of each value.
        seeds: the seed of each value, a cluster.
        samples: number of resamples. One that holds no value is left out; that happens only where
            few pairs of prompt and seed are scored.
        confidence: level of the interval.
        seed: seed of the resampling.
    """
    observations = Observations(values, prompts, seeds)
    if not len(values):
        return None
    cells = _cells(observations, sorted(set(prompts)))
    generator = np.random.default_rng(seed)
    means = []
    for size in _chunks(samples, cells.prompts):
        weights = _counts(generator, size, cells.prompts)
        means.append(cells.means(weights, _counts(generator, size, cells.seeds)))
    return _percentiles(np.concatenate(means), confidence)


def bootstrap_difference(
    first: Observations,
    second: Observations,
    *,
    paired: bool,
    samples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference | None:
    """The difference of two arms' means with its percentile bootstrap interval.

    Args:
        first: values of one arm.
        second: values of the other.
        paired: compare the prompts that both have, resampled together; otherwise every prompt counts,
            and the two are resampled apart. Seeds are always resampled apart: that two arms share a
            seed's number means nothing.
        samples: number of resamples.
        confidence: level of the interval.
        seed: seed of the resampling.

    Returns:
        None if a side has no value, or the two share no prompt and are paired. The number of prompts
        is that of the shared ones, or unpaired of the smaller side.
    """
    names = sorted(set(first.prompts)), sorted(set(second.prompts))
    if paired:
        shared = sorted(set(names[0]) & set(names[1]))
        names = shared, shared
    if not names[0] or not names[1]:
        return None
    one, other = _cells(first, names[0]), _cells(second, names[1])
    generator = np.random.default_rng(seed)
    differences = []
    for size in _chunks(samples, max(one.prompts, other.prompts)):
        weights = _counts(generator, size, one.prompts)
        weights_other = weights if paired else _counts(generator, size, other.prompts)
        differences.append(
            one.means(weights, _counts(generator, size, one.seeds))
            - other.means(weights_other, _counts(generator, size, other.seeds))
        )
    interval = _percentiles(np.concatenate(differences), confidence)
    return interval and Difference(one.mean - other.mean, interval, min(one.prompts, other.prompts))


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> McNemar | None:
    """McNemar's test in its exact, binomial form; element i of both is the same prompt.

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
    """Agreement beyond chance (Cohen, 1960); None where chance agreement is certain (one label only)."""
    if len(first) != len(second):
        raise ValueError("the two differ in length")
    n = len(first)
    agreed = sum(a == b for a, b in zip(first, second, strict=True))
    # products of counts: exact, so that certain agreement is recognised
    chance = sum(list(first).count(label) * list(second).count(label) for label in set(first))
    if chance == n * n:
        return None
    return (agreed * n - chance) / (n * n - chance)


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


@dataclass(frozen=True)
class _Cells:
    """Sums and numbers of values, each of shape (prompts, seeds)."""

    sums: np.ndarray
    numbers: np.ndarray

    @property
    def prompts(self) -> int:
        return self.sums.shape[0]

    @property
    def seeds(self) -> int:
        return self.sums.shape[1]

    @property
    def mean(self) -> float:
        return float(self.sums.sum() / self.numbers.sum())

    def means(self, prompt_counts: np.ndarray, seed_counts: np.ndarray) -> np.ndarray:
        """The mean of each resample, NaN where it holds no value; both counts have a row per resample."""
        sums = ((prompt_counts @ self.sums) * seed_counts).sum(axis=1)
        numbers = ((prompt_counts @ self.numbers) * seed_counts).sum(axis=1)
        return np.divide(sums, numbers, out=np.full(len(sums), np.nan), where=numbers > 0)


def _cells(observations: Observations, prompts: Sequence[str]) -> _Cells:
    row = {prompt: index for index, prompt in enumerate(prompts)}
    kept = [index for index, prompt in enumerate(observations.prompts) if prompt in row]
    column = {seed: index for index, seed in enumerate(sorted({observations.seeds[index] for index in kept}))}
    shape = len(row), len(column)
    places = np.array([row[observations.prompts[i]] * len(column) + column[observations.seeds[i]] for i in kept])
    values = np.array([observations.values[i] for i in kept], dtype=float)
    size = len(row) * len(column)
    return _Cells(
        np.bincount(places, weights=values, minlength=size).reshape(shape),
        np.bincount(places, minlength=size).reshape(shape).astype(float),
    )


def _chunks(samples: int, prompts: int) -> Iterator[int]:
    """Numbers of resamples that add up to `samples`, each few enough for the memory."""
    chunk = max(1, _CHUNK_CELLS // prompts)
    for start in range(0, samples, chunk):
        yield min(chunk, samples - start)


def _counts(generator: np.random.Generator, samples: int, items: int) -> np.ndarray:
    """How often each of `items` items is drawn in each of `samples` resamples of that many, with replacement."""
    drawn = generator.integers(items, size=(samples, items)) + np.arange(samples)[:, None] * items
    return np.bincount(drawn.ravel(), minlength=samples * items).reshape(samples, items).astype(float)


def _percentiles(resampled: np.ndarray, confidence: float) -> Interval | None:
    resampled = resampled[~np.isnan(resampled)]
    if not len(resampled):
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Interval(float(low), float(high))

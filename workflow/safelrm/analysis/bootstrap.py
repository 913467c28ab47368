"""Bootstrap intervals over prompts and seeds. With no data the functions return None, never NaN.

A value belongs to a prompt and a seed. Prompts differ in difficulty, and the training of a seed shifts all of its
values. So the bootstrap resamples prompts and seeds, independently of each other, and weighs a value by the product
of the two counts: the pigeonhole bootstrap for crossed random effects (Owen, 2007). Seeds are clusters.

Resampling uses integers only, and sums of 0/1 values are exact. So rates and their intervals are equal on every
machine. Means of other values may differ in the last digits.

What few seeds can tell:

- One seed: only prompts vary, and the interval says nothing about other seeds.
- Two seeds: half of the resamples hold one seed twice. So the interval reaches from about the mean of the lower seed
  to about the mean of the higher seed, widened by the variation of prompts. It shows whether the two disagree.
- Two seeds that differ much more than prompts do: the interval is no 95 % interval for the mean over all seeds. It
  holds that mean in about half of all studies, however many prompts there are, because the mean lies between two
  values that often.
- Two seeds that differ less than prompts do, such as samples of one checkpoint: the interval holds the mean as often
  as its level says.

The seeds of a base are seeds of its sampling. They say nothing about another pre-training.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from safelrm.core.statistics import Interval

# resamples times prompts (or other numbers) that are held at once, which bounds the memory
_CHUNK_CELLS = 4_000_000


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
            raise ValueError("a value is NaN or infinite: leave out unscored samples")

    def of_seeds(self, seeds: Collection[int]) -> "Observations":
        """The observations of the given seeds."""
        kept = [index for index, seed in enumerate(self.seeds) if seed in seeds]
        return Observations(
            [self.values[index] for index in kept],
            [self.prompts[index] for index in kept],
            [self.seeds[index] for index in kept],
        )


@dataclass(frozen=True)
class Difference:
    """The means of two sides over the prompts that both have, and the interval of the first less the second."""

    first: float
    second: float
    interval: Interval
    prompts: int

    @property
    def value(self) -> float:
        """The mean of the first less the mean of the second."""
        return self.first - self.second


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
        samples: number of resamples. A resample without a value is left out. That happens only if few
            pairs of prompt and seed are scored.
        confidence: level of the interval.
        seed: seed of the resampling.
    """
    observations = Observations(values, prompts, seeds)
    if not len(values):
        return None
    cells = _cells(observations, sorted(set(prompts)))
    generator = np.random.default_rng(seed)
    means = []
    for size in chunk_sizes(samples, cells.prompts):
        weights = draw_counts(generator, size, cells.prompts)
        means.append(cells.means(weights, draw_counts(generator, size, cells.seeds)))
    return percentile_interval(np.concatenate(means), confidence)


def paired_difference(
    first: Observations,
    second: Observations,
    *,
    same_runs: bool = False,
    samples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference | None:
    """The difference of two means over the prompts that both sides have, with its percentile bootstrap interval.

    Args:
        first: values of one side.
        second: values of the other side.
        same_runs: whether a seed is the same checkpoint on both sides, as for two decoding modes. If so, the
            seeds that both sides have are resampled together. If not, seeds are resampled apart, because
            equal seed numbers of two arms mean nothing.
        samples: number of resamples. A resample without a value on one side is left out.
        confidence: level of the interval.
        seed: seed of the resampling.

    Returns:
        The difference, or None if the sides share no prompt, or are of the same runs and share no seed.
    """
    if same_runs:
        seeds = set(first.seeds) & set(second.seeds)
        first, second = first.of_seeds(seeds), second.of_seeds(seeds)
    shared = sorted(set(first.prompts) & set(second.prompts))
    if not shared:
        return None
    one, other = _cells(first, shared), _cells(second, shared)
    generator = np.random.default_rng(seed)
    differences = []
    for size in chunk_sizes(samples, len(shared)):
        prompts = draw_counts(generator, size, len(shared))
        seeds_one = draw_counts(generator, size, one.seeds)
        seeds_other = seeds_one if same_runs else draw_counts(generator, size, other.seeds)
        differences.append(one.means(prompts, seeds_one) - other.means(prompts, seeds_other))
    interval = percentile_interval(np.concatenate(differences), confidence)
    return interval and Difference(one.mean, other.mean, interval, len(shared))


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
        """The mean of each resample, NaN if it holds no value. Both counts have one row per resample."""
        sums = ((prompt_counts @ self.sums) * seed_counts).sum(axis=1)
        numbers = ((prompt_counts @ self.numbers) * seed_counts).sum(axis=1)
        return np.divide(sums, numbers, out=np.full(len(sums), np.nan), where=numbers > 0)


def _cells(observations: Observations, prompts: Sequence[str]) -> _Cells:
    row = {prompt: index for index, prompt in enumerate(prompts)}
    kept = [index for index, prompt in enumerate(observations.prompts) if prompt in row]
    column = {seed: index for index, seed in enumerate(sorted(set(observations.seeds)))}
    shape = len(row), len(column)
    places = np.array([row[observations.prompts[i]] * len(column) + column[observations.seeds[i]] for i in kept])
    values = np.array([observations.values[i] for i in kept], dtype=float)
    size = len(row) * len(column)
    return _Cells(
        np.bincount(places, weights=values, minlength=size).reshape(shape),
        np.bincount(places, minlength=size).reshape(shape).astype(float),
    )


def chunk_sizes(samples: int, cells: int) -> Iterator[int]:
    """Numbers of resamples that add up to `samples`, so small that `cells` numbers of each are held at once."""
    chunk = max(1, _CHUNK_CELLS // cells)
    for start in range(0, samples, chunk):
        yield min(chunk, samples - start)


def draw_counts(generator: np.random.Generator, samples: int, items: int) -> np.ndarray:
    """How often each item is drawn in each resample, of shape (samples, items). A resample draws `items` times."""
    drawn = generator.integers(items, size=(samples, items)) + np.arange(samples)[:, None] * items
    return np.bincount(drawn.ravel(), minlength=samples * items).reshape(samples, items).astype(float)


def percentile_interval(resampled: np.ndarray, confidence: float) -> Interval | None:
    """The percentile interval of a resampled number, without the resamples in which it is NaN; None if it always is."""
    resampled = resampled[~np.isnan(resampled)]
    if not len(resampled):
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Interval(float(low), float(high))

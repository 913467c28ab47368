"""Means, paired differences and their t intervals, over prompts and seeds. With no data the functions return None.

A value belongs to a prompt and a seed. Prompts differ in difficulty, and the training of a seed shifts all of its
values. Both are random and crossed, and so the mean is uncertain for two reasons (crossed random effects; Clark, 1973,
calls it the language-as-fixed-effect fallacy to leave one out):

    variance of the mean = variance of the seeds' means / number of seeds
                         + variance of the prompts' means / number of prompts

The chance of single samples is in both terms, and none of it is subtracted. So intervals are rather too wide than too
narrow. Degrees of freedom are Satterthwaite's (1946): with few seeds that differ much they are about the number of
seeds less one, and with seeds that agree about the number of prompts less one.

What an interval is about:

- Several seeds: other seeds and other prompts of the same kind. A seed of a trained arm is a training of its own, and
  sampling. A seed of a base is sampling alone: the base was made once.
- One seed: other prompts. The interval says nothing about other seeds.
- A difference: each side as above. The prompts are those of both sides, so what makes them hard cancels out.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from safelrm.core.statistics import Interval, wilson

# below it a standard error is rounding
_NOTHING = 1e-12
UNBOUNDED = (-math.inf, math.inf)


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
        return Observations(*([column[index] for index in kept] for column in (self.values, self.prompts, self.seeds)))


@dataclass(frozen=True)
class Estimate:
    """A mean, or a difference of means.

    Attributes:
        value: the estimate.
        error: its standard error; None with one prompt, which says nothing about others.
        freedom: degrees of freedom of the standard error.
        prompts: the number of prompts.
    """

    value: float
    error: float | None
    freedom: float
    prompts: int

    @property
    def varies(self) -> bool:
        """Whether the data say how uncertain the estimate is. They do not if all prompts and seeds agree."""
        return self.error is not None and self.error > 0

    def interval(self, confidence: float, bounds: tuple[float, float] = UNBOUNDED) -> Interval | None:
        """The t interval, within the bounds of the value; of no width if nothing varies."""
        if self.error is None:
            return None
        half = float(stats.t.ppf((1 + confidence) / 2, self.freedom)) * self.error if self.error else 0.0
        return Interval(max(bounds[0], self.value - half), min(bounds[1], self.value + half))

    def p_value(self) -> float | None:
        """The two-sided p of the t test that the estimate is 0; None unless it varies."""
        return float(2 * stats.t.sf(abs(self.value) / self.error, self.freedom)) if self.varies else None

    def detectable(self, confidence: float, power: float = 0.8) -> float | None:
        """The least difference that a test at the level 1 - `confidence` finds with the given power (Bloom, 1995).

        It is None unless the estimate varies.
        """
        if not self.varies:
            return None
        quantiles = stats.t.ppf([(1 + confidence) / 2, power], self.freedom)
        return float(quantiles.sum()) * self.error


@dataclass(frozen=True)
class Difference(Estimate):
    """A difference of the means of two sides over the prompts that both have: the first less the second."""

    first: float
    second: float

    def of_rates(self, confidence: float) -> tuple[Interval | None, float | None]:
        """The interval of a difference of rates, and its two-sided p.

        If all prompts and seeds agree, a t interval would claim certainty. Then no prompt departs from the
        difference, and the interval reaches as far as Wilson's of a rate of 0. The p is that of a sign test.
        """
        if self.varies or self.error is None:
            return self.interval(confidence, (-1.0, 1.0)), self.p_value()
        reach = wilson(0, self.prompts, confidence).high
        interval = Interval(max(-1.0, self.value - reach), min(1.0, self.value + reach))
        return interval, min(1.0, 2 * 0.5**self.prompts) if self.value else 1.0


def mean_of(observations: Observations) -> Estimate | None:
    """The mean of all values, over new prompts, and over new seeds if there are several."""
    if not len(observations.values):
        return None
    cells = _cells(observations, sorted(set(observations.prompts)))
    return Estimate(cells.mean, *_error(cells.prompt_means, cells.seed_means), len(cells.prompt_means))


def paired_difference(first: Observations, second: Observations, *, same_runs: bool = False) -> Difference | None:
    """The difference of two means over the prompts that both sides have.

    The prompts' part of its variance is that of the prompts' differences. The seeds' part is the sum of those of both
    sides, since equal seed numbers of two arms mean nothing (Welch, 1947).

    Args:
        first: values of one side.
        second: values of the other side.
        same_runs: whether a seed is the same checkpoint on both sides, as for two decoding modes. If so, the seeds that
            both sides have are paired, too.

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
    if same_runs and one.seeds == other.seeds:
        of_seeds = [one.seed_means - other.seed_means]
    else:
        of_seeds = [one.seed_means, other.seed_means]
    error = _error(one.prompt_means - other.prompt_means, *of_seeds)
    return Difference(one.mean - other.mean, *error, len(shared), first=one.mean, second=other.mean)


def _error(of_prompts: np.ndarray, *of_seeds: np.ndarray) -> tuple[float | None, float]:
    """The standard error of a mean and its degrees of freedom, from independent groups of means."""
    if len(of_prompts) < 2:
        return None, 0.0
    groups = [of_prompts, *(means for means in of_seeds if len(means) > 1)]
    parts = np.array([np.var(means, ddof=1) / len(means) for means in groups])
    error = math.sqrt(parts.sum())
    if error < _NOTHING:
        return 0.0, float(len(of_prompts) - 1)
    free = np.array([len(means) - 1 for means in groups])
    return error, float(parts.sum() ** 2 / (parts**2 / free).sum())


@dataclass(frozen=True)
class _Cells:
    """Sums and numbers of values, each of shape (prompts, seeds). No row and no column is empty."""

    sums: np.ndarray
    numbers: np.ndarray
    seeds: tuple[int, ...]

    @property
    def mean(self) -> float:
        return float(self.sums.sum() / self.numbers.sum())

    @property
    def prompt_means(self) -> np.ndarray:
        return self.sums.sum(axis=1) / self.numbers.sum(axis=1)

    @property
    def seed_means(self) -> np.ndarray:
        return self.sums.sum(axis=0) / self.numbers.sum(axis=0)


def _cells(observations: Observations, prompts: Sequence[str]) -> _Cells:
    row = {prompt: index for index, prompt in enumerate(prompts)}
    kept = [index for index, prompt in enumerate(observations.prompts) if prompt in row]
    seeds = tuple(sorted({observations.seeds[index] for index in kept}))
    column = {seed: index for index, seed in enumerate(seeds)}
    places = np.array([row[observations.prompts[i]] * len(seeds) + column[observations.seeds[i]] for i in kept])
    values = np.array([observations.values[i] for i in kept], dtype=float)
    size, shape = len(row) * len(seeds), (len(row), len(seeds))
    sums, numbers = np.bincount(places, weights=values, minlength=size), np.bincount(places, minlength=size)
    return _Cells(sums.reshape(shape), numbers.reshape(shape).astype(float), seeds)

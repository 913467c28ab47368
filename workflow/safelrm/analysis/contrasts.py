"""Estimates that are made of several means, such as a difference of differences, with their standard error.

`safelrm.analysis.intervals` explains the model: prompts and seeds are random and crossed. Here it is taken further than
two means on one benchmark:

1. Means on the same benchmark are taken over the prompts that all of them have. The benchmark's part of the variance is
   that of what its prompts contribute. Benchmarks have different prompts, so their parts add up.
2. Means of the same checkpoints (two parts, two decoding modes, two benchmarks) share their seeds. The part of the
   checkpoints is the variance of what their seeds contribute, over the seeds that all of these means have. Parts of
   different checkpoints add up.
3. An estimate that is not linear in the means, such as a standard deviation, is linearised at them (delta method).
   Degrees of freedom are Satterthwaite's (1946).

For two means on one benchmark all of this is `intervals.paired_difference`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd

from safelrm.analysis.intervals import Estimate, Observations

# of the means: the estimate, and its derivative by each of them; None where it has none
Function = Callable[[np.ndarray], tuple[float, np.ndarray | None]]
# below it a standard error or a spread is rounding
_NOTHING = 1e-12


@dataclass(frozen=True)
class Cell:
    """One of the means.

    Attributes:
        checkpoints: what the seeds are trainings of. Cells of the same checkpoints share seeds.
        benchmark: whose prompts they are. Cells of the same benchmark share prompts.
        observations: the values.
    """

    checkpoints: tuple[str, str]
    benchmark: str
    observations: Observations


@dataclass(frozen=True)
class Contrast(Estimate):
    """An estimate made of several means.

    Attributes:
        fewest: the number of prompts of the benchmark that has the fewest.
    """

    fewest: int


def contrast(cells: Sequence[Cell], of: Function) -> Contrast | None:
    """The estimate that a function makes of the means of cells; None if cells share no prompts or no seeds."""
    tables = _shared(cells)
    if any(table.empty for table in tables):
        return None
    value, slopes = of(np.array([table.value.mean() for table in tables]))
    benchmarks = [_contributions(cells, tables, slopes, "benchmark", name) for name in _names(cells, "benchmark")]
    checkpoints = [_contributions(cells, tables, slopes, "checkpoints", name) for name in _names(cells, "checkpoints")]
    sizes = [len(prompts) for prompts in benchmarks]
    if slopes is None or min(sizes) < 2:
        error, freedom = None, 0.0
    else:
        error, freedom = _error([*benchmarks, *(seeds for seeds in checkpoints if len(seeds) > 1)])
    return Contrast(value, error, freedom, sum(sizes), min(sizes))


def linear(weights: Sequence[float]) -> Function:
    """The weighted sum of means."""
    slopes = np.asarray(weights, dtype=float)
    return lambda means: (float(slopes @ means), slopes)


def difference_of_spreads(shape: tuple[int, int]) -> Function:
    """How much more the gains of one arm over its base spread than those of another.

    The means are those of the first arm, of the second, and of the base; each of `shape`: groups, and places in a
    group. The spread of an arm is the root of the mean variance of its gains within groups.
    """

    def of(means: np.ndarray) -> tuple[float, np.ndarray | None]:
        first, second, base = means.reshape(3, *shape)
        (one, slopes), (other, of_other) = _spread(first - base), _spread(second - base)
        if min(one, other) < _NOTHING:
            return one - other, None
        return one - other, np.concatenate([slopes, -of_other, of_other - slopes], axis=None)

    return of


def _spread(gains: np.ndarray) -> tuple[float, np.ndarray]:
    """The spread of gains, of shape (groups, places), and its derivative by each of them."""
    groups, places = gains.shape
    spread = math.sqrt(gains.var(axis=1, ddof=1).mean())
    apart = gains - gains.mean(axis=1, keepdims=True)
    return spread, apart / max(spread * groups * (places - 1), _NOTHING)


def _shared(cells: Sequence[Cell]) -> list[pd.DataFrame]:
    """The values of each cell: of the seeds that all of its checkpoints' cells have, then of the prompts likewise."""
    tables = [
        pd.DataFrame({"value": given.values, "prompt": given.prompts, "seed": given.seeds})
        for given in (cell.observations for cell in cells)
    ]
    for key, column in (("checkpoints", "seed"), ("benchmark", "prompt")):
        kept: dict[object, set[object]] = {}
        for cell, table in zip(cells, tables, strict=True):
            owner = getattr(cell, key)
            kept[owner] = {*table[column]} & kept.get(owner, {*table[column]})
        tables = [
            table[table[column].isin(kept[getattr(cell, key)])] for cell, table in zip(cells, tables, strict=True)
        ]
    return tables


def _names(cells: Sequence[Cell], key: str) -> list[object]:
    return list(dict.fromkeys(getattr(cell, key) for cell in cells))


def _contributions(
    cells: Sequence[Cell], tables: Sequence[pd.DataFrame], slopes: np.ndarray | None, key: str, name: object
) -> np.ndarray:
    """What each prompt of a benchmark, or each seed of checkpoints, contributes to the estimate."""
    column = {"benchmark": "prompt", "checkpoints": "seed"}[key]
    weights = np.ones(len(cells)) if slopes is None else slopes
    weighed = [
        weight * table.groupby(column).value.mean()
        for cell, table, weight in zip(cells, tables, weights, strict=True)
        if getattr(cell, key) == name
    ]
    return reduce(lambda one, other: one.add(other), weighed).dropna().to_numpy()


def _error(groups: Sequence[np.ndarray]) -> tuple[float, float]:
    """The standard error of a sum of independent means, and its degrees of freedom."""
    parts = np.array([np.var(means, ddof=1) / len(means) for means in groups])
    free = np.array([len(means) - 1 for means in groups])
    total = parts.sum()
    if math.sqrt(total) < _NOTHING:
        return 0.0, float(free[0])
    return math.sqrt(total), float(total**2 / (parts**2 / free).sum())

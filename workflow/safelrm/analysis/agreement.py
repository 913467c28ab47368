"""Agreement of coders with intervals over prompts, and how well a judge finds each verdict.

Several completions of one prompt are not independent. So prompts are resampled, each with all of its completions (a
cluster bootstrap), and intervals are percentiles. A bootstrap of a share that is 0 or 1 has no width: its interval is
Wilson's, with one trial for each prompt. A kappa or an alpha of 1 has no interval.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats
from scipy.sparse import coo_array, csr_array

from safelrm.analysis.bootstrap import chunk_sizes, draw_counts, percentile_interval
from safelrm.analysis.schemas import WHOLE
from safelrm.analysis.validation_schemas import (
    AGREEMENT,
    ALPHA,
    AUROC,
    ECE,
    KAPPA,
    LEAST_COMPLETIONS,
    RANK_CORRELATION,
    SENSITIVITY,
    SPECIFICITY,
)
from safelrm.core.agreement import NOMINAL, Level, alphas, kappas, pairable
from safelrm.core.statistics import auroc, expected_calibration_error, wilson


@dataclass(frozen=True)
class Coded:
    """Labels that coders gave to texts.

    Attributes:
        codes: the label of each text by each coder, of shape (texts, coders): 0, 1 … or -1 where it is missing.
        prompts: the prompt of each text.
        labels: the number of labels.
        level: what a difference of two labels means to alpha.
        values: the number that each label stands for, at the level `interval`.
    """

    codes: np.ndarray
    prompts: np.ndarray
    labels: int
    level: Level = NOMINAL
    values: tuple[float, ...] = ()

    def of(self, texts: np.ndarray) -> "Coded":
        """Some of the texts, with their prompts numbered from 0."""
        return replace(self, codes=self.codes[texts], prompts=np.unique(self.prompts[texts], return_inverse=True)[1])


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: the number of resamples, the level of the interval, and the seed."""

    samples: int
    confidence: float
    seed: int


@dataclass(frozen=True)
class Measured:
    """One number: its measure, what it is of, what it is over, and its interval. See VALIDATION for the columns."""

    measure: str
    n: int
    prompts: int
    of: str = WHOLE
    pairs: int | None = None
    agreed: int | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None


# numbers of resamples, of shape (resamples, numbers), from the weights of the prompts, of shape (resamples, prompts)
Statistic = Callable[[np.ndarray], np.ndarray]


def agreement(coded: Coded, pairs: Sequence[tuple[int, int]], resampling: Resampling) -> list[Measured]:
    """Agreement and kappa of pairs of coders, and the alpha of all coders.

    The agreement is over all pairs of labels. The kappa is the mean over the pairs of coders for which it is defined.

    Args:
        coded: the labels.
        pairs: the pairs of coders that are compared. Texts that no pair has labelled are left out of all numbers.
        resampling: how intervals are made.
    """
    given = coded.codes >= 0
    coded = coded.of(np.any([given[:, one] & given[:, other] for one, other in pairs], axis=0))
    tallies = [_confusion(coded, one, other) for one, other in pairs]
    coincidences = _tally(coded, *pairable(coded.codes, coded.labels))

    def statistic(weights: np.ndarray) -> np.ndarray:
        size, agreed, defined, total = (np.zeros(len(weights)) for _ in range(4))
        for tally in tallies:
            tables = _tables(tally, weights, coded.labels)
            size += tables.sum((-1, -2))
            agreed += np.trace(tables, axis1=-2, axis2=-1)
            kappa = kappas(tables)
            defined += ~np.isnan(kappa)
            total += np.nan_to_num(kappa)
        alpha = alphas(_tables(coincidences, weights, coded.labels), coded.level, coded.values)
        return np.stack([_ratio(agreed, size), _ratio(total, defined), alpha], axis=1)

    counts = sum(_tables(tally, _once(coded), coded.labels)[0] for tally in tallies)
    bare = [
        Measured(AGREEMENT, 0, 0, pairs=int(counts.sum()), agreed=int(np.trace(counts))),
        Measured(KAPPA, 0, 0),
        Measured(ALPHA, 0, 0, of=coded.level),
    ]
    sizes = [(len(coded.codes), len(np.unique(coded.prompts)))] * len(bare)
    return _estimated(bare, sizes, statistic, coded, resampling)


def by_verdict(coded: Coded, names: Sequence[str], resampling: Resampling) -> list[Measured]:
    """How often a judge finds each verdict (sensitivity), and how often it leaves it out rightly (specificity).

    Args:
        coded: the labels by two coders, of which the first counts as true.
        names: the names of the verdicts, by code.
        resampling: how intervals are made.
    """
    coded = coded.of((coded.codes >= 0).all(axis=1))
    tally = _confusion(coded, 0, 1)

    def shares(tables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Hits and sizes, of shape (resamples, 2 * labels): sensitivities, then specificities."""
        found, true, said = np.diagonal(tables, axis1=-2, axis2=-1), tables.sum(-1), tables.sum(-2)
        size = true.sum(-1, keepdims=True)
        return np.concatenate([found, size - true - said + found], -1), np.concatenate([true, size - true], -1)

    hits, sizes = (row[0].astype(int) for row in shares(_tables(tally, _once(coded), coded.labels)))
    kinds = [(measure, verdict) for measure in (SENSITIVITY, SPECIFICITY) for verdict in range(len(names))]
    bare = [
        Measured(measure, 0, 0, of=names[verdict], pairs=int(size), agreed=int(hit))
        for (measure, verdict), hit, size in zip(kinds, hits, sizes, strict=True)
    ]
    true = [(coded.codes[:, 0] == verdict) == (measure == SENSITIVITY) for measure, verdict in kinds]
    over = [(int(texts.sum()), len(np.unique(coded.prompts[texts]))) for texts in true]
    return _estimated(
        bare, over, lambda weights: _ratio(*shares(_tables(tally, weights, coded.labels))), coded, resampling
    )


def of_scores(
    scores: pd.Series, true: pd.Series, prompts: pd.Series, verdict: str, grades: pd.Series | None = None
) -> list[Measured]:
    """What the scores of a judge say of the labels.

    Args:
        scores: the score of each text.
        true: whether its label stands for the verdict that a score of 1 stands for.
        prompts: its prompt.
        verdict: that verdict.
        grades: its label as a number, or as the text of one, if labels are grades.
    """
    found = {AUROC: partial(auroc, scores, true), ECE: partial(expected_calibration_error, scores, true)}
    if grades is not None:
        found[RANK_CORRELATION] = partial(_rank_correlation, scores, grades.astype(float))
    size, clusters = len(scores), prompts.nunique()
    return [
        Measured(measure, size, clusters, of=verdict, value=function() if size >= LEAST_COMPLETIONS else None)
        for measure, function in found.items()
    ]


def _rank_correlation(scores: pd.Series, grades: pd.Series) -> float | None:
    """Spearman's rank correlation; None where one side never changes."""
    if scores.nunique() < 2 or grades.nunique() < 2:
        return None
    return float(stats.spearmanr(scores, grades).statistic)


def _estimated(
    bare: Sequence[Measured],
    over: Sequence[tuple[int, int]],
    statistic: Statistic,
    coded: Coded,
    resampling: Resampling,
) -> list[Measured]:
    """The measures with the completions and prompts that each is over, and with its value and interval."""
    sized = [replace(one, n=n, prompts=prompts) for one, (n, prompts) in zip(bare, over, strict=True)]
    if not any(one.n >= LEAST_COMPLETIONS for one in sized):
        return sized
    prompts = _once(coded).shape[1]
    generator, resampled = np.random.default_rng(resampling.seed), []
    for size in chunk_sizes(resampling.samples, max(prompts, coded.labels**2)):
        resampled.append(statistic(draw_counts(generator, size, prompts)))
    values, columns = statistic(_once(coded))[0], np.concatenate(resampled).T
    return [
        _with_interval(one, float(value), column, resampling)
        for one, value, column in zip(sized, values, columns, strict=True)
    ]


def _with_interval(one: Measured, value: float, resampled: np.ndarray, resampling: Resampling) -> Measured:
    if one.n < LEAST_COMPLETIONS or np.isnan(value):
        return one
    is_share = one.pairs is not None
    if is_share and value in (0.0, 1.0):
        interval = wilson(round(value * one.prompts), one.prompts, resampling.confidence)
    else:
        interval = percentile_interval(resampled, resampling.confidence)
    if interval is None or interval.low == interval.high:
        return replace(one, value=value)
    return replace(one, value=value, low=interval.low, high=interval.high)


def _tally(coded: Coded, texts: np.ndarray, cells: np.ndarray, weights: np.ndarray) -> csr_array:
    """Sums of weights by prompt and cell of a table of labels, of shape (prompts, labels * labels)."""
    shape = (int(coded.prompts.max(initial=-1)) + 1, coded.labels**2)
    return coo_array((weights, (coded.prompts[texts], cells)), shape=shape).tocsr()


def _confusion(coded: Coded, one: int, other: int) -> csr_array:
    """Counts of the labels of two coders: rows of a table are those of the first."""
    both = np.flatnonzero((coded.codes[:, one] >= 0) & (coded.codes[:, other] >= 0))
    cells = coded.codes[both, one] * coded.labels + coded.codes[both, other]
    return _tally(coded, both, cells, np.ones(len(both)))


def _tables(tally: csr_array, weights: np.ndarray, labels: int) -> np.ndarray:
    """The table of each resample, of shape (resamples, labels, labels)."""
    return (tally.T @ weights.T).T.reshape(len(weights), labels, labels)


def _once(coded: Coded) -> np.ndarray:
    """The weights that count each prompt once."""
    return np.ones((1, int(coded.prompts.max(initial=-1)) + 1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)

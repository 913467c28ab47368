"""Families of tests: which differences are corrected together, and the correction.

A family is all differences of one kind of comparison that are about safety (safety, leak, escape and broken, on all
parts and harmful benchmarks), or all of one that are about one other metric (on all benchmarks). It holds the rows that
the table shows: those over all categories and at least LEAST prompts. Rows outside of every family are not corrected.
"""

import pandas as pd

from safelrm.analysis.schemas import ALL, LEAST, OF_SAFETY, SAFETY
from safelrm.core.statistics import holm


def of_metric(metric: str) -> str:
    """The name of the family that a metric belongs to."""
    return SAFETY if metric in OF_SAFETY else metric


def in_a_family(rows: pd.DataFrame) -> pd.Series:
    """Which rows of DIFFERENCES are tests of a family."""
    return (rows.category == ALL) & (rows.prompts >= LEAST) & rows.p.notna()


def corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of DIFFERENCES with `p_holm`, corrected for all tests of the row's family."""
    tests = rows[in_a_family(rows)]
    by_family = tests.groupby(["comparison", tests.metric.map(of_metric)], sort=False)
    p_holm = pd.Series(float("nan"), index=rows.index)
    for _, family in by_family:
        p_holm[family.index] = holm(family.p)
    return rows.assign(p_holm=p_holm)

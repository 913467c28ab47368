"""Table *safety by category*: every arm in the first decoding mode of its model, on t, y and t+y."""

import pandas as pd

from safelrm.analysis.layout import in_order, markdown_grid, of_first_mode
from safelrm.analysis.schemas import METRICS, SAFETY
from safelrm.reporting.cells import ARM, cells, footnote
from safelrm.reporting.results import Results

INPUTS = ("metrics",)
TABLE = METRICS
CAPTION = """
Safety of every arm by category, on t, y and t+y. Each model is shown in its first decoding mode.

There is one line per number: ``n`` counts scored samples, ``unscored`` counts the others, and the interval of ``value``
goes from ``low`` to ``high``. ``lowest`` and ``highest`` are the values if all unscored samples were 0, or 1. Safety is
by the judge ``{safety_judge}``.
"""


def rows(results: Results) -> pd.DataFrame:
    """Safety of every arm by part, benchmark and category, in the first decoding mode of its model."""
    metrics, models = results.metrics, results.study.models
    return in_order(of_first_mode(metrics[metrics.metric == SAFETY], models), models)


def markdown(rows: pd.DataFrame, results: Results) -> str:
    """One table per benchmark: one line per arm and part, one column per category."""
    tables = []
    for benchmark, of_set in rows.groupby("benchmark", sort=False):
        names = [of_set.model, of_set.arm, of_set.part]
        tables.append(f"**{benchmark}**\n\n" + markdown_grid([*ARM, "part"], names, of_set.category, cells(of_set)))
    return "\n".join(tables) + footnote(rows, results.study)

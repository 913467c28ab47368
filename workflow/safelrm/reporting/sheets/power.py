"""Table *power*: the least difference that the comparisons on each benchmark can find."""

import pandas as pd

from safelrm.analysis.layout import markdown_grid, metric_rank, ranked
from safelrm.analysis.schemas import ALL, LEAST, WHOLE
from safelrm.judging.schemas import PARTS
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results

INPUTS = ("differences",)
CAPTION = """
The minimum detectable difference of each metric on each benchmark: what a paired test finds with a power of 80 %, at
the level of the study, not corrected for the number of tests. ``median``, ``least`` and ``most`` are over the
comparisons of one kind (``comparisons`` counts them) over all categories, for which at least 30 prompts were scored on
both sides and differ at all; ``prompts`` is the largest number of them. A smaller difference than that may be there and
not be seen.
"""
GROUP = ["comparison", "benchmark", "metric", "part"]


def shown(study: StudyOutline) -> bool:
    """Whether a model has a base and another arm, or the reference and another model have a base."""
    several = any("base" in model.methods and len(model.methods) > 1 for model in study.models)
    return several or sum("base" in model.methods for model in study.models) > 1


def rows(results: Results) -> pd.DataFrame:
    """One row per kind of comparison, benchmark, metric and part."""
    table = results.differences
    table = table[table.category == ALL]
    table = table.assign(mdd=table.mdd.where(table.prompts >= LEAST))
    measured = table.groupby(GROUP, sort=False)
    found = measured.agg(
        prompts=("prompts", "max"),
        comparisons=("mdd", "count"),
        median=("mdd", "median"),
        least=("mdd", "min"),
        most=("mdd", "max"),
    ).reset_index()
    return ranked(
        found,
        comparison=found.comparison.map(list(dict.fromkeys(found.comparison)).index),
        metric=found.metric.map(metric_rank),
        benchmark=found.benchmark,
        part=found.part.map((*PARTS, WHOLE).index),
    )


def markdown(rows: pd.DataFrame, results: Results) -> str:
    """One line per benchmark, metric and part; for each kind of comparison the median."""
    names = [rows.benchmark, rows.metric.str.replace("_", "-"), rows.part]
    cells = [f"{median:.3f}" if pd.notna(median) else "-" for median in rows["median"]]
    grid = markdown_grid(["benchmark", "metric", "part"], names, rows.comparison, pd.Series(cells))
    level = f"{100 * (1 - results.study.confidence):g}"
    return (
        f"{grid}\nThe difference that a paired test at the level of {level} % (two-sided, not corrected for the number"
        " of tests) finds with a power of 80 %: the median over the comparisons of one kind.\n"
    )

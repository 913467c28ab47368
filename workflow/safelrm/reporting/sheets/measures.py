"""Table *measures*: what the trace analyses measured, for every arm in each decoding mode."""

import pandas as pd

from safelrm.analysis.layout import NONE, arm_rank, interval_text, markdown_grid, ranked
from safelrm.analysis.schemas import LEAST, MEASURES, RUN, WHOLE
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results

INPUTS = ("measures",)
TABLE = MEASURES
CAPTION = """
What the trace analyses measured: means over the samples of one benchmark. ``n`` counts the samples with a value,
``missing`` counts the others, and the interval of ``value`` goes from ``low`` to ``high``. ``direction`` says which
values are better, where the analysis says so.
"""


def shown(study: StudyOutline) -> bool:
    """Whether the study has a trace analysis."""
    return len(study.analyses) > 0


def rows(results: Results) -> pd.DataFrame:
    """All rows of MEASURES: by model and decoding mode as configured, arm, analysis, measure and benchmark."""
    table, models = results["measures"], results.study.models
    modes = [(model.name, mode) for model in models for mode in model.decodings]
    return ranked(
        table,
        model=table.model.map([model.name for model in models].index),
        arm=table.arm.map(arm_rank),
        decoding=[modes.index(pair) for pair in zip(table.model, table.decoding, strict=True)],
        analysis=table.analysis,
        measure=table.measure,
        benchmark=table.benchmark,
    )


def markdown(rows: pd.DataFrame, results: Results) -> str:
    """One table per benchmark: one line per arm and decoding mode, one column per measure."""
    part = rows.part.where(rows.part == WHOLE, " " + rows.part).where(rows.part != WHOLE, "")
    titled = rows.assign(title=rows.analysis + ": " + rows.measure + part)
    tables = []
    for benchmark, of_set in titled.groupby("benchmark", sort=False):
        names = [of_set[name] for name in RUN]
        shown_cells = of_set.apply(_cell, axis="columns")
        tables.append(f"**{benchmark}**\n\n" + markdown_grid(list(RUN), names, of_set.title, shown_cells))
    legend = dict.fromkeys(titled.apply(_legend, axis="columns"))
    level = f"{100 * results.study.confidence:g}"
    note = (
        f"\nIn brackets: {level} % intervals over prompts and seeds; one of no width: all values are equal. Alone in"
        f" parentheses: the number of samples with a value, where they are fewer than {LEAST}.\n"
    )
    return "\n".join(tables) + "\n" + "".join(legend) + note


def _cell(row: pd.Series) -> str:
    if row.n < LEAST or pd.isna(row.low):
        return f"({row.n})" if row.n else NONE
    return f"{row.value:.3f} {interval_text(row.low, row.high)}"


def _legend(row: pd.Series) -> str:
    better = "" if pd.isna(row.direction) else f"; {row.direction} is better"
    return f"- {row.title}: {row.description} ({row.unit}{better})\n"

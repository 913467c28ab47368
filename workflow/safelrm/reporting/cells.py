"""What the tables of metrics share: their cells, and the note below them."""

import pandas as pd

from safelrm.analysis.layout import NONE, interval_text
from safelrm.analysis.schemas import ALL, HEADLINES, WHOLE
from safelrm.analysis.settings import FigureSettings

ARM = ["model", "arm"]


def headlines(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows of the headline metrics over all categories."""
    return metrics[metrics.metric.isin(HEADLINES) & (metrics.category == ALL)]


def cells(rows: pd.DataFrame) -> pd.Series:
    """The value of each row with its interval, and the number of unscored samples."""
    return rows.apply(_cell, axis="columns")


def footnote(rows: pd.DataFrame, study: FigureSettings) -> str:
    """The line below a table: the judges of its numbers, and the meaning of brackets."""
    judged = rows[rows.judge != WHOLE].drop_duplicates("metric")
    by_judge = [
        f"{', '.join(of.metric).replace('_', '-')} by `{judge}`" for judge, of in judged.groupby("judge", sort=False)
    ]
    return (
        f"\nJudges: {'; '.join(by_judge)}. In brackets: {100 * study.confidence:g} % intervals over prompts and"
        " seeds; in parentheses: samples that could not be scored, which count for nothing; `-`: none could."
        " A base's seeds are of its sampling alone.\n"
    )


def _cell(row: pd.Series) -> str:
    if pd.isna(row.value):
        return NONE
    cell = f"{row.value:.3f} {interval_text(row.low, row.high)}"
    return f"{cell} ({row.unscored})" if row.unscored else cell

"""What the tables of metrics share: their cells, and the note below them."""

from collections.abc import Sequence

import pandas as pd

from safelrm.analysis.layout import NONE, by_topic, interval_text, markdown_grid, measure_titles
from safelrm.analysis.schemas import ALL, HEADLINES, LEAST, WHOLE
from safelrm.analysis.settings import FigureSettings

ARM = ["model", "arm"]
# a larger share of unscored samples shows what they could make of a rate
MANY_UNSCORED = 0.02


def headlines(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows of the headline metrics over all categories."""
    return metrics[metrics.metric.isin(HEADLINES) & (metrics.category == ALL)]


def grids(rows: pd.DataFrame, corner: Sequence[str]) -> str:
    """A Markdown table per topic: safety on each harmful benchmark, then what safety costs. One column per metric.

    Args:
        rows: rows of METRICS, in order.
        corner: the columns that name a line.
    """
    tables = []
    for topic, of_topic in by_topic(rows.assign(cell=cells(rows))):
        title = f"**{topic[0].upper()}{topic[1:]}**\n\n" if topic else ""
        names = [of_topic[name].astype(str) for name in corner]
        tables.append(title + markdown_grid(corner, names, measure_titles(of_topic), of_topic.cell))
    return "\n".join(tables)


def cells(rows: pd.DataFrame) -> pd.Series:
    """The value of each row with its interval, the number of unscored samples, and what these could make of a rate."""
    return rows.apply(_cell, axis="columns")


def footnote(rows: pd.DataFrame, study: FigureSettings) -> str:
    """The line below a table: the judges of its numbers, and the meaning of brackets."""
    judged = rows[rows.judge != WHOLE].drop_duplicates("metric")
    by_judge = [
        f"{', '.join(of.metric).replace('_', '-')} by `{judge}`" for judge, of in judged.groupby("judge", sort=False)
    ]
    return (
        f"\nJudges: {'; '.join(by_judge)}. In brackets: {100 * study.confidence:g} % intervals for new prompts and,"
        " with several seeds, new seeds (t intervals; Wilson's for one seed). In parentheses: samples that could not be"
        " scored, which count for nothing; of more than 2 %, also the rates that they would give if all were 0 or 1."
        f" Alone in parentheses: the number of scored samples, where they are fewer than {LEAST}; `-`: none. A base was"
        " made once: its seeds are of its sampling alone.\n"
    )


def _cell(row: pd.Series) -> str:
    if pd.isna(row.value):
        return f"({row.n})" if row.n else NONE
    cell = f"{row.value:.3f}" if pd.isna(row.low) else f"{row.value:.3f} {interval_text(row.low, row.high)}"
    if not row.unscored:
        return cell
    many = row.unscored > MANY_UNSCORED * (row.n + row.unscored) and pd.notna(row.lowest)
    return f"{cell} ({row.unscored}: {row.lowest:.2f} to {row.highest:.2f})" if many else f"{cell} ({row.unscored})"

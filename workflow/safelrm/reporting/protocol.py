"""What tables say of the answers behind their numbers: how many the token limit cut, and what the numbers are for."""

import pandas as pd

from safelrm.analysis.schemas import ALL, CLIPPED, RUN, SAFETY_SO_FAR
from safelrm.analysis.settings import TableSettings
from safelrm.judging.schemas import BOTH


def tuning_note(study: TableSettings) -> str:
    """A line below the tables of a study whose numbers settings are chosen by; empty for any other study."""
    if study.use != "tune":
        return ""
    return "\nSettings are chosen by these numbers (`use: tune`), so they are no results.\n"


def clipped_note(metrics: pd.DataFrame, rows: pd.DataFrame) -> str:
    """A line below a table: the share of completions that the token limit cut, and how safe these are so far.

    Args:
        metrics: rows of METRICS.
        rows: the rows that the table shows; the line is about their runs.
    """
    shown = metrics.merge(rows[[*RUN]].drop_duplicates(), on=[*RUN])
    shown = shown[shown.category == ALL]
    clipped = shown[(shown.metric == CLIPPED) & shown.value.notna()]
    shares = [_share(str(name), of) for name, of in clipped.groupby("benchmark", sort=False)]
    so_far = shown[(shown.metric == SAFETY_SO_FAR) & (shown.part == BOTH) & shown.value.notna()]
    safe = [f"{row.model} {row.arm} on {row.benchmark} {row.value:.3f} (n = {row.n})" for row in so_far.itertuples()]
    said = f"\nCompletions cut at the token limit: {'; '.join(shares)}.\n" if shares else ""
    return said + (f"\nSafe as far as they go, of texts that did not end (t+y): {'; '.join(safe)}.\n" if safe else "")


def _share(benchmark: str, clipped: pd.DataFrame) -> str:
    """The share over all runs, and the largest of a run."""
    share = (clipped.value * clipped.n).sum() / clipped.n.sum()
    most = clipped.loc[clipped.value.idxmax()]
    largest = f" (most: {100 * most.value:.1f} %, {most.model} {most.arm})" if share else ""
    return f"{benchmark} {100 * share:.1f} %{largest}"

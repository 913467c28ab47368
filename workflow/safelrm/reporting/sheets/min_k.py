"""Table *min_k*: how familiar data sets are to bases, by Min-K% probability, and what it is worth as a test."""

import pandas as pd

from safelrm.analysis.layout import NONE, interval_text, markdown_table
from safelrm.analysis.memorisation_schemas import MEMORISATION
from safelrm.analysis.schemas import LEAST
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results

INPUTS = ("memorisation",)
TABLE = MEMORISATION
CAPTION = """
Min-K% probability of the texts of data sets under bases, before any training on them (Shi et al. 2023): the negative
mean of the K % least log-probabilities of a text's tokens, in nats. A lower value means that a text is more familiar.
``value`` is the mean over texts, with its interval from ``low`` to ``high``; ``p05`` to ``p95`` are quantiles.
``member`` says whether a base was trained on a data set. ``auroc`` says how well the values tell the texts that a base
was trained on from others of the same origin. It is empty where it is not known what the base was trained on.
"""
UNKNOWN = "not known"
HEAD = ("data set", "trained on it", "n", "tokens", "mean", "median", "5 % to 95 %")


def shown(study: StudyOutline) -> bool:
    """Whether the study measures Min-K% probabilities."""
    return study.memorised


def rows(results: Results) -> pd.DataFrame:
    """All rows of MEMORISATION."""
    return results["memorisation"]


def markdown(rows: pd.DataFrame, results: Results) -> str:
    """One table per base of all data sets at the study's K, then what Min-K% is worth under each base at each K."""
    parts = []
    for (model, k), of_base in rows[rows.main].groupby(["model", "k"], sort=True):
        lines = [_line(row) for row in of_base.sort_values("dataset").itertuples()]
        parts.append(f"**{model}, K = {k}**\n\n{markdown_table(HEAD, lines)}")
    level = f"{100 * results.study.confidence:g}"
    note = (
        f"In brackets: {level} % intervals, of a mean for other texts of the same origin (t), of an AUROC by a"
        " bootstrap over texts. Values of bases with different tokenizers are not comparable. A value says how probable"
        " a text is, which also short or plain texts are: compare data sets of one origin. Alone in parentheses: the"
        f" number of texts, where they are fewer than {LEAST}. `+ n refused`: rows that training would refuse.\n"
    )
    return "\n".join([*parts, _worth(rows), note])


def _line(row: tuple) -> list[str]:
    counts = f"{row.n}" if not row.refused else f"{row.n} + {row.refused} refused"
    known = UNKNOWN if pd.isna(row.member) else ("yes" if row.member else "no")
    if row.n < LEAST:
        return [row.dataset, known, counts, NONE, f"({row.n})" if row.n else NONE, NONE, NONE]
    return [
        row.dataset,
        known,
        counts,
        f"{row.tokens:.0f}",
        f"{row.value:.3f} {interval_text(row.low, row.high)}",
        f"{row.p50:.3f}",
        f"{row.p05:.3f} to {row.p95:.3f}",
    ]


def _worth(rows: pd.DataFrame) -> str:
    """Per base and K the AUROC of Min-K% as a test of membership."""
    bases = rows.drop_duplicates(["model", "k"]).sort_values(["model", "k"])
    lines = [[row.model, str(row.k), *_auroc(row)] for row in bases.itertuples()]
    head = ("base", "K", "AUROC as a test of membership", "members", "others")
    return f"**What Min-K% is worth: 0.5 is chance**\n\n{markdown_table(head, lines)}"


def _auroc(row: tuple) -> list[str]:
    if pd.isna(row.members):
        return [UNKNOWN, NONE, NONE]
    counts = [str(int(row.members)), str(int(row.others))]
    if pd.isna(row.auroc):
        return [f"(fewer than {LEAST})", *counts]
    return [f"{row.auroc:.3f} {interval_text(row.auroc_low, row.auroc_high)}", *counts]

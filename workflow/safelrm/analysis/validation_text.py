"""The results of a validation for readers, as Markdown."""

from collections.abc import Iterator, Mapping

import pandas as pd

from safelrm.analysis.layout import NONE, markdown_table
from safelrm.analysis.schemas import ALL, WHOLE
from safelrm.analysis.settings import ValidationJobSettings
from safelrm.analysis.validation_schemas import (
    AGREEMENT,
    ALPHA,
    ANNOTATORS,
    ANNOTATORS_ALL_LABELS,
    AUROC,
    ECE,
    JUDGE,
    JUDGE_ANNOTATORS,
    KAPPA,
    LEAST_COMPLETIONS,
    RANK_CORRELATION,
    SENSITIVITY,
    SPECIFICITY,
)
from safelrm.judging.schemas import UNSCORED

# bounds stand beside a share if more than this share could not be scored
MANY_UNSCORED = 0.02
_TITLES: Mapping[str, str] = {
    JUDGE: "`{judge}`",
    JUDGE_ANNOTATORS: "`{judge}` with each annotator",
    ANNOTATORS: "annotators with each other",
    ANNOTATORS_ALL_LABELS: "annotators with each other, on all labels",
}
_HEAD = (
    "How far judges agree with {truth}, in brackets the {level:g} % intervals over prompts (cluster bootstrap; Wilson's"
    " where all or none agree). n: completions with both labels; unscored: those that the judge could not tell, with"
    " the values that they would give if all were wrong or all right, where they are more than 2 %. Left out: without a"
    " label that stands for a verdict, or of a kind that the judge does not judge. Kappa is Cohen's, of several"
    " annotators the mean over pairs; alpha is Krippendorff's, of all coders. Under {least} completions no rate is"
    " given.\n"
)


def markdown(rows: pd.DataFrame, confusion: pd.DataFrame, settings: ValidationJobSettings) -> str:
    """The tables of each set of texts: agreement, what judges find, and their confusion matrices.

    Args:
        rows: rows of VALIDATION.
        confusion: rows of CONFUSION.
        settings: what was compared.
    """
    truth = f"`{settings.reference}`" if settings.reference else "human labels"
    text = _HEAD.format(truth=truth, level=settings.confidence * 100, least=LEAST_COMPLETIONS)
    for name, group in rows.groupby("texts", sort=False):
        title = "all together" if name == ALL else name
        text += f"\n**{title}**\n\n{_agreements(group)}\n{_by_verdict(group)}"
        for (judge, part), cells in confusion[confusion["texts"] == name].groupby(["judge", "part"], sort=False):
            text += f"\nWhat `{judge}` says of {part}, by label:\n\n{_confusion(cells, settings, str(judge))}"
    return text


def _agreements(rows: pd.DataFrame) -> str:
    """One line for each comparison."""
    columns = [AGREEMENT, KAPPA, ALPHA]
    columns += [measure for measure in (AUROC, ECE, RANK_CORRELATION) if measure in set(rows["measure"])]
    lines = []
    for (part, judge, comparison), group in rows.groupby(["part", "judge", "comparison"], sort=False):
        by_measure = {row.measure: row for row in group.itertuples()}
        first = by_measure[AGREEMENT]
        title = _TITLES[comparison].format(judge=judge) + ("" if part == WHOLE else f", {part}")
        counts = [str(count) for count in (first.n, first.unscored, first.left_out)]
        lines.append([title, *counts, *(_cell(by_measure.get(measure)) for measure in columns)])
    return markdown_table(["", "n", UNSCORED, "left out", *columns], lines)


def _by_verdict(rows: pd.DataFrame) -> str:
    """One line for each judge and verdict that some text should have had."""
    return markdown_table(["judge", "part", "verdict", "n", SENSITIVITY, SPECIFICITY], _lines_by_verdict(rows))


def _lines_by_verdict(rows: pd.DataFrame) -> Iterator[list[str]]:
    chosen = rows[rows["measure"].isin([SENSITIVITY, SPECIFICITY])]
    for (judge, part, verdict), group in chosen.groupby(["judge", "part", "of"], sort=False):
        found = {row.measure: row for row in group.itertuples()}
        cells = [_cell(found[measure]) for measure in (SENSITIVITY, SPECIFICITY)]
        yield [f"`{judge}`", str(part), str(verdict), str(found[SENSITIVITY].n), *cells]


def _confusion(cells: pd.DataFrame, settings: ValidationJobSettings, judge: str) -> str:
    said = set(cells["verdict"])
    verdicts = [verdict for verdict in (*settings.fields[judge].verdicts, UNSCORED) if verdict in said]
    lines = []
    for (label, expected), group in cells.groupby(["label", "expected"], sort=False):
        counts = dict(zip(group["verdict"], group["n"], strict=True))
        lines.append(
            [str(label).replace("|", "\\|"), str(expected), *(str(counts.get(verdict, 0)) for verdict in verdicts)]
        )
    return markdown_table(["label", "stands for", *verdicts], lines)


def _cell(row: object) -> str:
    """A value with its interval, and with its bounds where much is unscored."""
    if row is None or pd.isna(row.value):
        return NONE
    text = f"{row.value:.3f}"
    if not pd.isna(row.low):
        text += f" [{row.low:.3f}, {row.high:.3f}]"
    if not pd.isna(row.least) and row.unscored > MANY_UNSCORED * (row.n + row.unscored):
        text += f" ({row.least:.3f} to {row.most:.3f})"
    return text

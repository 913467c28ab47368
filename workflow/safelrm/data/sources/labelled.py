"""Labelled completions of any file, mapped as prompts are (sources/table.py): what judges are checked against.

Each row is one completion with its prompt, the label that counts, and the labels of any number of annotators. A label
is any text or number, and an empty one is missing. Where no column holds the label that counts, it is the label that
most annotators gave, or missing if several labels were given equally often. Two rows may have the same prompt, and even
the same completion: their ids are made from both, with a number.
"""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.data.account import Account
from safelrm.data.records import Records
from safelrm.data.schemas import LABELLED
from safelrm.data.settings import LabelledTableSettings as Settings
from safelrm.data.sources.table import made, mapped, optional_texts, printed

__all__ = ["TABLE", "Settings", "accounted", "load"]

TABLE = LABELLED


def load(settings: Settings) -> pd.DataFrame:
    """The labelled completions. What became of the rows of the file is printed.

    Raises:
        SafeLRMError: the file cannot be read, its rows do not fit the settings, or no row has a label.
    """
    return printed(*accounted(settings))


def accounted(settings: Settings) -> tuple[pd.DataFrame, Account]:
    """The labelled completions, and what became of the rows of the file.

    Raises:
        SafeLRMError: the file cannot be read, its rows do not fit the settings, or no row has a label.
    """
    columns = settings.columns

    def build(records: Records) -> pd.DataFrame:
        # a model may have said nothing
        completions = records.texts(columns.completion, empty=True)
        annotations = _annotations(records, columns.annotations)
        final = [*map(_majority, annotations)] if columns.label is None else _labels(records, columns.label)
        return mapped(records, settings, _told(records.texts(columns.prompt), completions)).assign(
            completion=completions,
            final_label=final,
            annotations=annotations,
            **{name: optional_texts(records, getattr(columns, name)) for name in TABLE.optional},
        )

    rows, account = made(settings, build)
    if rows["final_label"].isna().all() and not any(any(labels) for labels in rows["annotations"]):
        raise SafeLRMError(
            "no row has a label", file=settings.path, key=columns.label, fix="name the columns of labels"
        )
    return rows, account


def _labels(records: Records, column: str) -> list[str | None]:
    return [label or None for label in records.labels(column)]


def _annotations(records: Records, columns: Sequence[str]) -> list[list[str | None]]:
    """The labels of all annotators of each row."""
    by_annotator = [_labels(records, column) for column in columns]
    return [[labels[row] for labels in by_annotator] for row in range(len(records.rows))]


def _majority(labels: Sequence[str | None]) -> str | None:
    most = Counter(label for label in labels if label).most_common(2)
    return most[0][0] if len(most) == 1 or (most and most[0][1] > most[1][1]) else None


def _told(prompts: Sequence[str], completions: Sequence[str]) -> list[str]:
    """A text for each row, which no two rows share."""
    seen: Counter[tuple[str, str]] = Counter()
    told = []
    for pair in zip(prompts, completions, strict=True):
        seen[pair] += 1
        told.append("\x1f".join((*pair, str(seen[pair]))))
    return told

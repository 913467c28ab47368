"""Multiple-choice questions of any benchmark in one file, mapped as prompts are (sources/table.py), with their options.

The options stand below the question, a line each: `(A) red`. The reference is the letter of the right one. With
`shuffle`, the order of a row's options depends on the seed and on the row's id alone. So a file whose right option
always comes first (GPQA's) can be asked, and another row in the file changes no other row.
"""

import re
from collections.abc import Sequence

import pandas as pd

from safelrm.core.seeds import derive_seed
from safelrm.data.account import Account
from safelrm.data.records import Records
from safelrm.data.schemas import PROMPTS
from safelrm.data.settings import ChoiceTableSettings as Settings
from safelrm.data.sources.table import made, mapped, printed

__all__ = ["TABLE", "Settings", "accounted", "load"]

TABLE = PROMPTS
# those that judges read (judging/answers/choices.py)
LETTERS = "ABCDEFGHIJ"


def load(settings: Settings) -> pd.DataFrame:
    """The questions. What became of the rows of the file is printed.

    Raises:
        SafeLRMError: the file cannot be read, or its rows do not fit the settings.
    """
    return printed(*accounted(settings))


def accounted(settings: Settings) -> tuple[pd.DataFrame, Account]:
    """The questions, and what became of the rows of the file.

    Raises:
        SafeLRMError: the file cannot be read, or its rows do not fit the settings.
    """

    def build(records: Records) -> pd.DataFrame:
        questions, options = records.texts(settings.columns.prompt), _options(records, settings)
        right = _right(records, options, settings)
        # questions such as "Which is true?" come several times, with other options
        told = ["\x1f".join((question, *listed)) for question, listed in zip(questions, options, strict=True)]
        ids = records.ids(settings.columns.id, told, settings.prefix)
        asked, references = [], []
        for row, question, listed, place in zip(ids, questions, options, right, strict=True):
            order = _order(len(listed), row, settings)
            lines = [f"({letter}) {listed[one]}" for letter, one in zip(LETTERS, order, strict=False)]
            asked.append("\n".join((f"{question}\n", *lines)))
            references.append(LETTERS[order.index(place)])
        return mapped(records, settings, told, asked).assign(reference=references, **dict.fromkeys(TABLE.optional))

    return made(settings, build)


def _options(records: Records, settings: Settings) -> list[list[str]]:
    """The options of each row, in the order of the file."""
    column = settings.columns.options
    if not isinstance(column, str):
        return [[*row] for row in zip(*(records.texts(name, numbers=True) for name in column), strict=True)]
    found = []
    for number, value in records.values(column).items():
        listed = [str(option).strip() for option in value] if isinstance(value, list) else []
        if not 2 <= len(listed) <= len(LETTERS) or not all(listed) or None in value:
            raise records.fault(
                f"row {number} must hold a list of 2 to {len(LETTERS)} options, none of them empty", column
            )
        found.append(listed)
    return found


def _right(records: Records, options: Sequence[Sequence[str]], settings: Settings) -> list[int]:
    """The place of the right option of each row, in the order of the file."""
    column = settings.columns.answer
    if column is None:
        return [0] * len(options)
    places = []
    for number, given, listed in zip(records.rows, records.texts(column, numbers=True), options, strict=True):
        place = _place(given, listed, settings.answer_is)
        if place is None:
            raise records.fault(f"row {number} names none of its options by its {settings.answer_is}", column)
        places.append(place)
    return places


def _place(given: str, listed: Sequence[str], answer_is: str) -> int | None:
    """The place of the option that an answer names; None if it names none, or several."""
    if answer_is == "text":
        return listed.index(given) if listed.count(given) == 1 else None
    if answer_is == "letter":
        place = LETTERS.find(given) if len(given) == 1 else -1
    else:
        place = int(given) if re.fullmatch(r"\d{1,2}", given, re.ASCII) else -1
    return place if 0 <= place < len(listed) else None


def _order(count: int, row: str, settings: Settings) -> list[int]:
    """The order in which the options of a row are shown, as places in the order of the file."""
    if not settings.shuffle:
        return [*range(count)]
    return sorted(range(count), key=lambda place: derive_seed("options", settings.seed, row, place))

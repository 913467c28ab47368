"""Prompts of any benchmark in one file: CSV, JSON, JSON lines or Parquet.

The settings name the columns and choose the rows, so that a new benchmark needs no code. Rows go through these steps:

1. of rows with the same prompt, the first is taken (`once`);
2. `where` and `where_not` filter rows;
3. the columns are mapped; a row that does not fit is an error, or is left out (`faulty`);
4. `size` rows are drawn.

Each row of the file is kept, or left out for one reason (data/account.py). docs/sources.md says what does not fit.
"""

import re
from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from safelrm.core.seeds import derive_seed
from safelrm.data.account import Account, account_of, without_faulty
from safelrm.data.records import Records, label, read_records
from safelrm.data.schemas import PROMPTS, REASONING
from safelrm.data.settings import LEAVE_OUT, TableSourceSettings
from safelrm.data.settings import PromptTableSettings as Settings

__all__ = ["TABLE", "Settings", "accounted", "load"]

TABLE = PROMPTS


def load(settings: Settings) -> pd.DataFrame:
    """The prompts. What became of the rows of the file is printed.

    Raises:
        SafeLRMError: the file cannot be read, or its rows do not fit the settings.
    """
    return printed(*accounted(settings))


def accounted(settings: Settings) -> tuple[pd.DataFrame, Account]:
    """The prompts, and what became of the rows of the file.

    Raises:
        SafeLRMError: the file cannot be read, or its rows do not fit the settings.
    """

    def build(records: Records) -> pd.DataFrame:
        rows = mapped(records, settings)
        columns = {"reference": _references(records, rows["kind"], settings)}
        columns |= {name: optional_texts(records, getattr(settings.columns, name)) for name in TABLE.optional}
        return rows.assign(**columns)

    return made(settings, build)


def made(settings: TableSourceSettings, build: Callable[[Records], pd.DataFrame]) -> tuple[pd.DataFrame, Account]:
    """The rows of a data set, and what became of the rows of its file.

    Args:
        settings: which rows are wanted.
        build: makes a row of each record, in order, with its `prompt_id`.

    Raises:
        SafeLRMError: the file cannot be read, its rows do not fit the settings, or no row is left.
    """
    records = chosen_records(settings)
    if settings.faulty == LEAVE_OUT:
        records = without_faulty(records, build)
        records = records.first_of_each([*build(records)["prompt_id"]], "an id that an earlier row has")
    rows = build(records)
    records.require_unique([*rows["prompt_id"]], settings.columns.id)
    return drawn(rows, records, settings)


def printed(rows: pd.DataFrame, account: Account) -> pd.DataFrame:
    """The rows, after their account was printed into the log of the job."""
    print(f"{account}", flush=True)
    return rows


def chosen_records(settings: TableSourceSettings) -> Records:
    """The rows of the file that the settings choose.

    Raises:
        SafeLRMError: the file cannot be read, or the filters leave no row.
    """
    records, prompt = read_records(settings), settings.columns.prompt
    if settings.faulty == LEAVE_OUT:
        records = without_faulty(records, lambda some: some.texts(prompt))
    if settings.once:
        records = records.first_of_each(records.texts(prompt), f"`once`, {prompt}")
    for filters, invert in ((settings.where, False), (settings.where_not, True)):
        for column, values in filters.items():
            records = records.holding(column, {label(value) for value in values}, invert=invert)
    return records


def mapped(
    records: Records,
    settings: TableSourceSettings,
    told: Sequence[str] | None = None,
    asked: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The columns that prompts, conversations and labelled completions share.

    Args:
        records: the rows of the file.
        settings: how they are mapped.
        told: the texts that ids are made from, if no column holds them; none: the prompts.
        asked: the prompts, if they are more than a column holds.

    Raises:
        SafeLRMError: a column is missing, or a value does not fit it.
    """
    prompts = records.texts(settings.columns.prompt)
    return pd.DataFrame(
        {
            "prompt_id": records.ids(settings.columns.id, told or prompts, settings.prefix),
            "kind": _kinds(records, settings),
            "category": _categories(records, settings),
            "prompt": _as_asked(asked or prompts, records, settings),
        }
    )


def drawn(rows: pd.DataFrame, records: Records, settings: TableSourceSettings) -> tuple[pd.DataFrame, Account]:
    """As many of the rows as are wanted, and the account of all.

    A row's place in the draw depends on its own id, so that a row added to the file changes at most one drawn row.

    Raises:
        SafeLRMError: there are fewer rows.
    """
    if settings.size is None:
        return rows, account_of(records)
    if len(rows) < settings.size:
        problem = f"{len(rows)} rows are left, fewer than size = {settings.size}"
        raise records.fault(problem, "size", "lower `size`, or loosen `where` and `where_not`")
    order = [derive_seed(settings.prefix, settings.seed, prompt_id) for prompt_id in rows["prompt_id"]]
    places = sorted(range(len(rows)), key=order.__getitem__)
    numbers = [*records.rows]
    left = records.without(sorted(numbers[place] for place in places[settings.size :]), "the draw of `size` rows")
    return rows.iloc[places[: settings.size]].reset_index(drop=True), account_of(left)


def optional_texts(records: Records, column: str | None) -> list[str | None]:
    """The texts of a column; None where one is empty, or where there is no column.

    Raises:
        SafeLRMError: the column is missing, or a value does not fit it.
    """
    if column is None:
        return [None] * len(records.rows)
    return [text or None for text in records.texts(column, empty=True, numbers=True)]


def _kinds(records: Records, settings: TableSourceSettings) -> list[str]:
    if isinstance(settings.kind, str):
        return [settings.kind] * len(records.rows)
    kind_of = {label(value): kind for value, kind in settings.kind.map.items()}
    return [kind_of[value] for value in records.choices(settings.kind.column, kind_of)]


def _categories(records: Records, settings: TableSourceSettings) -> list[str]:
    column = settings.columns.category
    if column is None:
        return [settings.category] * len(records.rows)
    joined = {}
    for number, value in records.values(column).items():
        if isinstance(value, list) and not all(isinstance(name, str) for name in value):
            raise records.fault(f"row {number} must be a category or a list of categories", column)
        joined[number] = {column: "; ".join(value) if isinstance(value, list) else value}
    return Records(joined, records.origin).texts(column, numbers=True)


def _as_asked(prompts: Sequence[str], records: Records, settings: TableSourceSettings) -> list[str]:
    column = settings.columns.context
    contexts = [""] * len(prompts) if column is None else records.texts(column, empty=True)
    below = "" if settings.instruction is None else f"\n\n{settings.instruction}"
    return [
        f"{context}\n\n---\n\n{prompt}{below}" if context else f"{prompt}{below}"
        for context, prompt in zip(contexts, prompts, strict=True)
    ]


def _references(records: Records, kinds: Iterable[str], settings: Settings) -> list[str | None]:
    column = settings.columns.reference
    if column is None:
        return [None] * len(records.rows)
    texts = records.texts(column, empty=True, numbers=True)
    references = [_reference(text, settings) for text in texts]
    for number, kind, reference in zip(records.rows, kinds, references, strict=True):
        if kind == REASONING and reference is None:
            fix = "correct the row, or `reference_pattern` if there is one"
            raise records.fault(f"row {number} holds no reference", column, fix)
    return references


def _reference(text: str, settings: Settings) -> str | None:
    if settings.reference_pattern is not None:
        found = re.search(settings.reference_pattern, text)
        text = (found and found[1]) or ""
    return text.translate(str.maketrans("", "", settings.reference_drop)).strip() or None

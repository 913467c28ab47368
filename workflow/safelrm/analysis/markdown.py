"""Markdown tables: fixed decimals, intervals in brackets."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

NONE = "-"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "".join("| " + " | ".join(line) + " |\n" for line in (head, ["---"] * len(head), *lines))


def grid(corner: Sequence[str], row: Sequence[pd.Series], column: pd.Series, cell: pd.Series) -> str:
    """A Markdown table of cells by row and column, both in order of appearance; a cell without value is `-`.

    Args:
        corner: titles of the columns that name a row.
        row: what names each cell's row, one series per title.
        column: each cell's column.
        cell: its text.
    """
    columns = list(dict.fromkeys(column))
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    for names, title, text in zip(zip(*row, strict=True), column, cell, strict=True):
        lines.setdefault(names, {})[title] = text
    return table([*corner, *columns], [[*names, *_cells(cells, columns)] for names, cells in lines.items()])


def interval(low: float, high: float, *, signed: bool = False) -> str:
    """An interval with two decimals."""
    sign = "+" if signed else ""
    return f"[{low:{sign}.2f}, {high:{sign}.2f}]"


def measure(rows: pd.DataFrame) -> pd.Series:
    """The title of each row's metric, with its part and its benchmark where it has several."""
    several_parts = rows.groupby("metric").part.transform("nunique") > 1
    title = rows.metric.str.replace("_", "-").where(~several_parts, rows.metric + " " + rows.part)
    several = rows.groupby("metric").benchmark.transform("nunique") > 1
    return title.where(~several, title + " (" + rows.benchmark + ")")


def _cells(cells: Mapping[str, str], columns: Sequence[str]) -> list[str]:
    return [cells.get(title, NONE) for title in columns]

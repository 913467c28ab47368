"""The layout that tables and figures share: the order of models, arms and metrics, and Markdown tables."""

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from safelrm.analysis.schemas import ALL, METRIC_NAMES, OF_SAFETY, WHOLE
from safelrm.analysis.settings import ModelModes
from safelrm.core.arms import plain_arm
from safelrm.judging.schemas import PARTS

BASE = "base"
METHODS = (BASE, "sft", "dpo", "rl")
# a Markdown cell without value
NONE = "-"


def method(arm: str) -> str:
    """The method of an arm: `sft` for `sft-star1` and for `sft-star1+no_think`."""
    return plain_arm(arm).partition("-")[0]


def arm_rank(arm: str) -> tuple[int, str]:
    """The sorting key of an arm: first its method, then its name."""
    return METHODS.index(method(arm)), arm


def metric_rank(metric: str) -> tuple[int, str]:
    """The sorting key of a metric: those of every study in reading order, then those of this one by name."""
    return (METRIC_NAMES.index(metric) if metric in METRIC_NAMES else len(METRIC_NAMES)), metric


def ranked(rows: pd.DataFrame, **ranks: pd.Series | list[int]) -> pd.DataFrame:
    """The rows sorted by the given keys, the first key first; rows of equal keys keep their order."""
    rank = pd.DataFrame(ranks)
    return rows.loc[rank.sort_values(list(ranks)).index].reset_index(drop=True)


def in_order(rows: pd.DataFrame, models: Sequence[ModelModes]) -> pd.DataFrame:
    """Rows of METRICS by model and decoding mode as configured, then arm, metric, benchmark, part and category."""
    rows = rows.reset_index(drop=True)
    names = [model.name for model in models]
    modes = {(model.name, mode): place for model in models for place, mode in enumerate(model.decodings)}
    return ranked(
        rows,
        model=rows.model.map(names.index),
        arm=rows.arm.map(arm_rank),
        decoding=[modes[pair] for pair in zip(rows.model, rows.decoding, strict=True)],
        metric=rows.metric.map(metric_rank),
        benchmark=rows.benchmark,
        part=rows.part.map((*PARTS, WHOLE).index),
        category=rows.category.map(lambda name: (name != ALL, name)),
    )


def of_first_mode(rows: pd.DataFrame, models: Sequence[ModelModes]) -> pd.DataFrame:
    """The rows of each model's first decoding mode."""
    first = {model.name: model.decodings[0] for model in models}
    return rows[rows.decoding == rows.model.map(first)]


def by_topic(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows in tables that fit a page, with a title each: safety on each harmful benchmark, then all other metrics.

    Args:
        rows: rows with `metric` and `benchmark`, in order.
    """
    about_safety = rows.metric.isin(OF_SAFETY)
    for benchmark, of_set in rows[about_safety].groupby("benchmark", sort=True):
        yield f"safety on {benchmark}", of_set
    if not about_safety.all():
        yield "costs" if about_safety.any() else "", rows[~about_safety]


def markdown_table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table of a head and lines of cells."""
    return "".join("| " + " | ".join(line) + " |\n" for line in (head, ["---"] * len(head), *lines))


def markdown_grid(corner: Sequence[str], row: Sequence[pd.Series], column: pd.Series, cell: pd.Series) -> str:
    """A Markdown table of cells by row and column, both in order of first appearance.

    Args:
        corner: titles of the columns that name a row.
        row: the names of each cell's row, one series per title.
        column: the title of each cell's column.
        cell: the text of each cell.
    """
    columns = list(dict.fromkeys(column))
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    for names, title, text in zip(zip(*row, strict=True), column, cell, strict=True):
        lines.setdefault(names, {})[title] = text
    body = ([*names, *(cells.get(title, NONE) for title in columns)] for names, cells in lines.items())
    return markdown_table([*corner, *columns], body)


def interval_text(low: float, high: float, *, signed: bool = False) -> str:
    """An interval in brackets, with two decimals."""
    sign = "+" if signed else ""
    return f"[{low:{sign}.2f}, {high:{sign}.2f}]"


def measure_titles(rows: pd.DataFrame) -> pd.Series:
    """The metric of each row, with its part and its benchmark if the rows hold several of them for the metric."""
    several_parts = rows.groupby("metric").part.transform("nunique") > 1
    title = rows.metric.str.replace("_", "-").where(~several_parts, rows.metric + " " + rows.part)
    several = rows.groupby("metric").benchmark.transform("nunique") > 1
    return title.where(~several, title + " (" + rows.benchmark + ")")

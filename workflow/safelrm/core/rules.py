"""What must be true of every row of a table, beyond the types of its columns."""

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Rule:
    """A statement about a row. Where it depends on a value that is missing, it cannot be broken.

    Attributes:
        says: the statement, as text.
        columns: the columns that it is about.
        holds: the statement, as an expression of Arrow.
    """

    says: str
    columns: tuple[str, ...]
    holds: pc.Expression


def first_breach(rules: Sequence[Rule], rows: pa.Table, key: Sequence[str]) -> tuple[Rule, str] | None:
    """The first rule that rows break, and how many do so, with one of them by its key; None if no row breaks any."""
    # all rules at once: each filter takes long to start, and mostly no row breaks any
    if not rules or not rows.filter(~functools.reduce(operator.and_, (rule.holds for rule in rules))).num_rows:
        return None
    for rule in rules:
        wrong = rows.filter(~rule.holds)
        if wrong.num_rows:
            (first,) = wrong.slice(0, 1).select(list(dict.fromkeys((*key, *rule.columns)))).to_pylist()
            return rule, f"{rule.says}; {wrong.num_rows} of {rows.num_rows} rows break this, for example {first}"
    return None


def within(low: float, high: float, *columns: str) -> tuple[Rule, ...]:
    """For each column: its values lie in [low, high]."""
    return tuple(
        Rule(f"must be in [{low:g}, {high:g}]", (name,), (pc.field(name) >= low) & (pc.field(name) <= high))
        for name in columns
    )


def at_least(low: float, *columns: str) -> tuple[Rule, ...]:
    """For each column: its values are not below `low`."""
    return tuple(Rule(f"must be at least {low:g}", (name,), pc.field(name) >= low) for name in columns)


def no_more(less: str, more: str) -> Rule:
    """The value of one column is not above the value of another."""
    return Rule(f"{less} is no more than {more}", (less, more), pc.field(less) <= pc.field(more))

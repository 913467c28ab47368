"""The Pareto front: nothing on it is dominated, and everything off it is dominated by something on it."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.analysis.pareto import on_front
from safelrm.judging.fields import HIGHER, LOWER

# few values, so that many are equal
coordinates = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
tables = st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=12).map(
    lambda points: pd.DataFrame(points, columns=["cost", "gain"])
)
directions = st.fixed_dictionaries(dict.fromkeys(("cost", "gain"), st.sampled_from([HIGHER, LOWER])))


def dominates(one: pd.Series, other: pd.Series, directions: dict[str, str]) -> bool:
    """Whether one row is as good as another in all columns, and better in one."""
    gains = [(one[name] - other[name]) * {HIGHER: 1, LOWER: -1}[way] for name, way in directions.items()]
    return min(gains) >= 0 and max(gains) > 0


@given(tables, directions)
def test_nothing_on_the_front_is_dominated_and_all_else_is_by_something_on_it(rows, directions):
    front = on_front(rows, directions)
    assert front.index.equals(rows.index) and front.any()
    every, chosen = ([row for _, row in some.iterrows()] for some in (rows, rows[front]))
    for (_, row), is_on in zip(rows.iterrows(), front, strict=True):
        assert any(dominates(other, row, directions) for other in (every if is_on else chosen)) != is_on


@given(tables, directions, st.randoms())
def test_the_order_of_rows_does_not_matter(rows, directions, random):
    order = random.sample([*rows.index], len(rows))
    assert on_front(rows.loc[order], directions).sort_index().equals(on_front(rows, directions))


@given(tables, directions)
def test_rows_of_equal_values_share_their_place(rows, directions):
    twice = pd.concat([rows, rows], ignore_index=True)
    assert on_front(twice, directions).tolist() == on_front(rows, directions).tolist() * 2


def test_columns_without_direction_do_not_count():
    rows = pd.DataFrame({"gain": [0.1, 0.2], "note": ["x", None]}, index=["low", "high"])
    assert on_front(rows, {"gain": HIGHER}).to_dict() == {"low": False, "high": True}
    assert on_front(rows, {"gain": LOWER}).to_dict() == {"low": True, "high": False}


def test_no_rows_have_no_front():
    assert on_front(pd.DataFrame({"gain": []}), {"gain": HIGHER}).empty


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(ValueError, match="NaN"):
        on_front(pd.DataFrame({"gain": [0.1, math.nan]}), {"gain": HIGHER})
    with pytest.raises(ValueError, match="name the columns"):
        on_front(pd.DataFrame({"gain": [0.1]}), {})

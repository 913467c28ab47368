"""Mixtures of SFT data: shares, no row twice, the same rows for every arm."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.core.errors import SafeLRMError
from safelrm.training.mixture import mix_conversations
from safelrm.training.settings import DataShare, SftSettings

RECIPE = {"epochs": 1.0, "batch_size": 4, "learning_rate": 1e-3, "max_length": 64}


def tables(*sizes):
    return {
        f"d{place}": pd.DataFrame({"row": [f"{place}-{row}" for row in range(size)]})
        for place, size in enumerate(sizes)
    }


def shares(*weights):
    return [DataShare(dataset=f"d{place}", weight=weight) for place, weight in enumerate(weights)]


def counts(rows):
    return rows["row"].str.partition("-")[0].value_counts().to_dict()


def test_rows_are_drawn_in_their_shares():
    assert counts(mix_conversations(tables(30, 30, 30), shares(2.0, 1.0, 1.0), 40)) == {"0": 20, "1": 10, "2": 10}


def test_without_a_size_the_scarcest_data_set_decides():
    assert counts(mix_conversations(tables(30, 10), shares(1.0, 1.0), None)) == {"0": 10, "1": 10}


def test_a_larger_mixture_contains_a_smaller_one():
    smaller, larger = (mix_conversations(tables(50, 50), shares(1.0, 1.0), size) for size in (20, 40))
    assert set(smaller["row"]) < set(larger["row"])


@given(
    st.lists(st.tuples(st.integers(1, 60), st.floats(0.01, 10.0)), min_size=1, max_size=4),
    st.none() | st.integers(1, 60),
)
def test_no_row_comes_twice_and_the_size_holds(given, size):
    sizes, weights = zip(*given, strict=True)
    try:
        rows = mix_conversations(tables(*sizes), shares(*weights), size)
    except SafeLRMError as error:
        assert error.key == "mixture" and size is not None
        return
    assert rows["row"].is_unique
    assert size is None or len(rows) == size
    whole = len(rows)
    for place, weight in enumerate(weights):
        assert abs(counts(rows).get(str(place), 0) - whole * weight / sum(weights)) < 1


def test_a_data_set_that_is_too_small_is_named():
    with pytest.raises(SafeLRMError, match="20 of 40 rows are to be of `d1`, which has 5"):
        mix_conversations(tables(50, 5), shares(1.0, 1.0), 40)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give either"),
        ({"dataset": "a", "mixture": [{"dataset": "b", "weight": 1.0}]}, "give either"),
        ({"dataset": "a", "size": 10}, "size"),
        ({"mixture": [{"dataset": "b", "weight": 1.0}, {"dataset": "b", "weight": 2.0}]}, "named once"),
    ],
)
def test_a_recipe_names_one_data_set_or_a_mixture(given, said):
    with pytest.raises(ValueError, match=said):
        SftSettings(**RECIPE, **given)

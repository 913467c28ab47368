"""Subsets that are spread out: beside random ones of the same size, and what they keep."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.data.diverse import diverse_rows, quotas, random_rows, tf_idf

TOPICS = ["bread", "steel", "music", "rain"]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Prompts in crowds of very different sizes, each around a topic, in two categories."""
    random = np.random.default_rng(0)
    prompts: list[str] = []
    crowds: list[int] = []
    for topic, crowd in zip(TOPICS * 10, random.permutation([1, 2, 3, 40] * 10), strict=True):
        words = [f"{topic}{word}" for word in random.integers(1000, size=8)]
        prompts += [" ".join([*words, f"w{random.integers(10**6)}"]) for _ in range(crowd)]
        crowds += [len(crowds)] * crowd
    return pd.DataFrame(
        {
            "prompt_id": [f"p{place}" for place in range(len(prompts))],
            "prompt": prompts,
            "crowd": crowds,
            "category": np.where(np.arange(len(prompts)) % 4, "most", "few"),
        }
    )


def apart(rows: pd.DataFrame, taken: list[int]) -> float:
    """The mean distance of a taken row to the nearest other one."""
    vectors = tf_idf(list(rows["prompt"]))[taken]
    similarity = (vectors @ vectors.T).toarray()
    np.fill_diagonal(similarity, -1)
    return float((1 - similarity.max(axis=1)).mean())


def crowds(rows: pd.DataFrame, taken: list[int]) -> int:
    """The number of crowds that a row is taken of."""
    return rows["crowd"].iloc[taken].nunique()


def test_a_diverse_subset_is_wider_and_reaches_more_crowds_than_random_ones(rows):
    diverse = diverse_rows(rows, 40, 1)
    for seed in range(5):
        random = random_rows(rows, 40, seed)
        assert apart(rows, diverse) > 1.3 * apart(rows, random)
        assert crowds(rows, diverse) > 1.3 * crowds(rows, random)


@pytest.mark.parametrize("take", [diverse_rows, random_rows])
def test_a_subset_depends_on_rows_size_and_seed_alone(rows, take):
    taken = take(rows, 30, 1)
    assert taken == take(rows, 30, 1) == sorted(set(taken)) and len(taken) == 30
    assert taken != take(rows, 30, 2)
    assert take(rows, len(rows), 1) == [*range(len(rows))]
    # the order of the rows does not matter
    turned = rows.iloc[::-1].reset_index(drop=True)
    assert {rows["prompt_id"][place] for place in taken} == {
        turned["prompt_id"][place] for place in take(turned, 30, 1)
    }


def test_categories_keep_their_shares(rows):
    taken = rows.iloc[diverse_rows(rows, 40, 1)]
    assert taken["category"].value_counts().to_dict() == {"most": 30, "few": 10}


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=30), st.data())
def test_quotas_add_up_and_no_category_gives_more_than_it_has(categories, data):
    size = data.draw(st.integers(1, len(categories)))
    found = quotas(categories, size)
    assert sum(found.values()) == size
    for name, quota in found.items():
        exact = categories.count(name) * size / len(categories)
        assert abs(quota - exact) < 1 and quota <= categories.count(name)


def test_equal_prompts_are_taken_last():
    rows = pd.DataFrame({"prompt": ["a b", "a b", "c d", "e f"], "category": "x"})
    taken = diverse_rows(rows.assign(prompt_id=list("pqrs")), 3, 0)
    assert {2, 3} < set(taken)

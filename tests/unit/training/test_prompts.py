"""The mixture of prompts that reinforcement learning samples rollouts for."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from safelrm.training.prompts import mix_prompts

WEIGHTS = st.dictionaries(st.sampled_from("abcd"), st.floats(0.1, 10.0), min_size=1)


def tables(weights, size):
    return {name: pd.DataFrame({"name": name, "number": range(size)}) for name in weights}


@given(WEIGHTS, st.integers(0, 2**31 - 1), st.integers(0, 30), st.integers(1, 30))
def test_any_stretch_holds_the_shares(weights, seed, start, length):
    mixed = mix_prompts(tables(weights, 7), weights, 60, seed)
    stretch = mixed["name"][start : start + length]
    for name, weight in weights.items():
        expected = len(stretch) * weight / sum(weights.values())
        assert abs((stretch == name).sum() - expected) < 2


@given(WEIGHTS, st.integers(0, 2**31 - 1))
def test_no_prompt_comes_again_before_all_have_come(weights, seed):
    mixed = mix_prompts(tables(weights, 5), weights, 40, seed)
    for _, rows in mixed.groupby("name"):
        for first in range(0, len(rows), 5):
            numbers = rows["number"].iloc[first : first + 5]
            assert numbers.is_unique


def test_the_seed_decides_the_order():
    weights = {"a": 2.0, "b": 1.0}
    mixed = [mix_prompts(tables(weights, 50), weights, 30, seed) for seed in (1, 1, 2)]
    assert mixed[0].equals(mixed[1])
    assert not mixed[0].equals(mixed[2])
    assert list(mixed[0]["name"].iloc[:3]).count("a") == 2

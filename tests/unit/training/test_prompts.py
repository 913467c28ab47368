"""The prompts of reinforcement learning: their mixture, and the room that they leave for completions."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_model import write_tiny_model
from training_fixtures import RL, TEMPLATE, prompts

from safelrm.core.errors import SafeLRMError
from safelrm.training.policy import load_policy
from safelrm.training.prompts import check_lengths, mix_prompts
from safelrm.training.settings import RlSettings

WEIGHTS = st.dictionaries(st.sampled_from("abcd"), st.floats(0.1, 10.0), min_size=1)


def tables(weights, size):
    return {name: pd.DataFrame({"name": name, "number": range(size)}) for name in weights}


@given(WEIGHTS, st.integers(0, 2**31 - 1), st.integers(0, 30), st.integers(1, 30))
@settings(deadline=None, max_examples=50)
def test_any_stretch_holds_the_shares(weights, seed, start, length):
    mixed = mix_prompts(tables(weights, 7), weights, 60, seed)
    stretch = mixed["name"][start : start + length]
    for name, weight in weights.items():
        expected = len(stretch) * weight / sum(weights.values())
        assert abs((stretch == name).sum() - expected) < 2


@given(WEIGHTS, st.integers(0, 2**31 - 1))
@settings(deadline=None, max_examples=50)
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


def test_a_prompt_that_leaves_no_room_in_vllm_is_named(tmp_path):
    policy = load_policy(write_tiny_model(tmp_path, chat_template=TEMPLATE))
    recipe = RL | {"steps": 1, "max_completion_tokens": 24}
    with_vllm = RlSettings.model_validate(recipe | {"vllm": {"max_model_length": 24 + 8}})
    check_lengths(prompts("harmful"), policy, with_vllm)
    long = prompts("harmful")
    long.loc[2, "prompt"] = "w1 " * 20
    check_lengths(long, policy, RlSettings.model_validate(recipe))
    with pytest.raises(SafeLRMError, match="harmful2") as error:
        check_lengths(long, policy, with_vllm)
    assert error.value.key == "vllm.max_model_length"

"""The best candidate of each prompt, and pairs of the best and the worst."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_fixtures import candidates

from safelrm.core.errors import SafeLRMError
from safelrm.training.best_of import best_of, preference_pairs

REWARDS = st.lists(st.one_of(st.none(), st.integers(-3, 3).map(float)), min_size=2, max_size=4)


def of_rewards(*by_prompt):
    """Candidates with the given rewards of each prompt's samples."""
    rows = candidates(len(by_prompt))
    kept = pd.concat([of.head(len(by_prompt[place])) for place, (_, of) in enumerate(rows.groupby("prompt_id"))])
    return kept.assign(reward=[value for rewards in by_prompt for value in rewards])


def test_the_best_is_taken_as_a_conversation_and_of_equals_the_first(capsys):
    rows = of_rewards([0.0, 2.0, 2.0, 1.0], [1.0, 0.0, 0.0, 0.0])
    best = best_of(rows, None)
    assert [*best.columns] == ["prompt_id", "kind", "category", "prompt", "response"]
    assert best.response.tolist() == ["<think> w3 </think> w3", "<think> w2 </think> w2"]
    assert "2 best candidates; left out: 0 without reward, 0 not ended" in capsys.readouterr().out


def test_prompts_that_teach_nothing_are_left_out_and_counted(capsys):
    rows = of_rewards([0.2, 0.9], [0.1, 0.2], [None, None], [0.5, 1.0])
    rows.loc[(rows.prompt_id == "p03") & (rows["sample"] == 1), "parse_state"] = "truncated"
    assert best_of(rows, 0.5).prompt_id.tolist() == ["p00"]
    assert "left out: 1 without reward, 1 not ended, 1 below min_reward" in capsys.readouterr().out
    assert preference_pairs(rows, 0.5).prompt_id.tolist() == ["p00"]
    assert "1 pairs; left out: 1 without reward, 1 not ended, 1 below min_margin" in capsys.readouterr().out


@pytest.mark.parametrize(("learn", "key"), [(best_of, "min_reward"), (preference_pairs, "min_margin")])
def test_nothing_left_is_one_clear_error(learn, key):
    with pytest.raises(SafeLRMError, match="no prompt is left to train on: 0 without reward, 0 not ended, 2") as error:
        learn(of_rewards([0.0, 1.0], [0.0, 1.0]), 3.0)
    assert error.value.key == key


def test_one_prompt_of_two_data_sets_is_two_prompts():
    rows = of_rewards([0.0, 1.0])
    both = pd.concat([rows, rows.assign(dataset="other", reward=[1.0, 0.0])])
    assert best_of(both, None).response.tolist() == ["<think> w3 </think> w3", "<think> w2 </think> w2"]


# each example makes tables of pandas
@settings(max_examples=25)
@given(st.lists(REWARDS, min_size=1, max_size=4), st.floats(0.5, 4.0))
def test_pairs_are_the_extremes_of_their_prompt_and_far_enough_apart(by_prompt, margin):
    rows = of_rewards(*by_prompt)
    scored = {place: [value for value in rewards if value is not None] for place, rewards in enumerate(by_prompt)}
    wanted = {
        f"p{place:02}": (max(values), min(values))
        for place, values in scored.items()
        if values and max(values) - min(values) >= margin
    }
    if not wanted:
        with pytest.raises(SafeLRMError):
            preference_pairs(rows, margin)
        return
    pairs = preference_pairs(rows, margin)
    assert (
        dict(zip(pairs.prompt_id, zip(pairs.reward_chosen, pairs.reward_rejected, strict=True), strict=True)) == wanted
    )

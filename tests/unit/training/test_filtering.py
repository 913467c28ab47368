"""Prompts whose completions all earn the same reward are dropped before training."""

import pytest
import training_fixtures  # noqa: F401  (it sets the environment of the training libraries)
from accelerate import PartialState
from training_fixtures import prompts

from safelrm.core.errors import SafeLRMError
from safelrm.training import filtering
from safelrm.training.filtering import filtered_prompts, weighted_reward
from safelrm.training.reward_settings import RewardTerm
from safelrm.training.rewards.base import DECODING
from safelrm.training.settings import PromptFilter

TABLES = {"harm": prompts("harmful"), "sums": prompts("reasoning", reference="7")}
# w0, w1, … are the first words of the prompts: w1 and w3 are answered in two ways
REWARDS = {"w1": [1.0, 0.0], "w3": [0.5, 0.48], "w4": [None, 1.0]}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the filter with rewards by the first word of a prompt; the kept prompts, and how many were asked."""
    PartialState()
    monkeypatch.setattr(filtering, "set_seed", lambda seed, device_specific: None)
    asked = []

    def sampler(rows):
        asked.extend(turns[-1] for turns in rows["prompt"])
        return [[5, 6, 7]] * len(rows["prompt"])

    def reward(rows, ids, by_word=REWARDS, mode="answers"):
        found = []
        for place, turns in enumerate(rows["prompt"]):
            differs = turns[-1].get(DECODING, mode) == mode
            values = by_word.get(turns[-1]["content"].split()[0], [1.0, 1.0]) if differs else [1.0, 1.0]
            found.append(values[place % 2])
        return found

    def run(decodings=(), reward=reward, **settings):
        before = len(asked)
        kept = filtered_prompts(
            TABLES,
            decodings,
            PromptFilter(samples=2, **settings),
            sampler=sampler,
            reward=reward,
            completions=6,
            work=tmp_path,
            seed=1,
        )
        names = {name: table["prompt_id"].tolist() for name, table in kept.tables.items()}
        return names, kept.tokens, asked[before:]

    return run


def test_prompts_of_equal_rewards_are_dropped(run, capsys):
    names, tokens, asked = run()
    # a completion without a reward tells nothing
    assert names == {"harm": ["harmful1", "harmful3"], "sums": ["reasoning1", "reasoning3"]}
    assert (tokens, len(asked)) == (3 * 2 * 10, 2 * 10)
    assert "prompt filter: 2 of 5 prompts of `sums` are kept" in capsys.readouterr().out


def test_a_spread_below_the_limit_is_equal(run):
    names, *_ = run(min_spread=0.1)
    assert names["harm"] == ["harmful1"]


def test_a_job_that_was_killed_goes_on(run, tmp_path):
    first = run()
    # the last chunk, which the kill has cut
    (tmp_path / filtering.FOLDER / "9.json").unlink()
    again = run()
    assert again[:2] == first[:2]
    assert [turn["content"] for turn in again[2]] == ["w4 w9"] * 2


def test_a_prompt_is_kept_if_it_teaches_in_one_mode(run):
    names, tokens, asked = run(decodings=["thinking", "answers"])
    assert names["harm"] == ["harmful1", "harmful3"]
    assert tokens == 2 * 3 * 2 * 10
    assert {turn[DECODING] for turn in asked} == {"thinking", "answers"}


def test_a_data_set_without_a_prompt_that_teaches_is_an_error(run):
    with pytest.raises(SafeLRMError, match=r"no prompt of \['harm', 'sums'\]") as error:
        run(reward=lambda rows, ids: [1.0] * len(ids))
    assert error.value.key == "prompt_filter"
    assert "min_spread" in error.value.fix


def test_the_reward_is_that_of_training():
    rows = {"prompt": [[]] * 3, "kind": ["harmful"] * 3, "reference": [None] * 3}
    terms = [RewardTerm(module=f"m.{name}", weight=weight) for name, weight in (("a", 2.0), ("b", 0.5))]
    seen = []

    def a(kind, reference, prompts, completion_ids, log_metric):
        seen.append((kind, completion_ids))
        log_metric("scored/a", 1.0)
        return [1.0, None, None]

    values = weighted_reward(terms, [a, lambda **_: [1.0, 1.0, None]], rows, [[1], [2], [3]])
    assert values == [2.5, 0.5, None]
    assert seen == [(["harmful"] * 3, [[1], [2], [3]])]

"""Candidates: their seeds, their rewards, and what the stages make of them."""

import json
import sys

import pandas as pd
import pytest
from training_fixtures import GUARD, prompts, stage_arguments

from safelrm.core.errors import SafeLRMError
from safelrm.inference.settings import GuardSettings
from safelrm.models.schemas import CURVES
from safelrm.training import candidates, dpo, sft
from safelrm.training.candidate_settings import CandidateSettings
from safelrm.training.candidates import sample_candidates, with_rewards
from safelrm.training.reward_guards import load_guards
from safelrm.training.schemas import CANDIDATES

SAFETY = {"module": "safelrm.training.rewards.safety", "weight": 1.0, "guards": ["g"]}
FORMAT = {"module": "safelrm.training.rewards.format", "weight": 0.5}
SETTINGS = {"prompts": ["harm"], "rewards": [SAFETY, FORMAT], "samples": 2, "max_tokens": 8, "max_model_length": 64}
# of each prompt: one that ends with an answer, and one that the limit cuts
TEXTS = {0: ([9, 6, 10], "stop"), 1: ([9, 10, 11], "length")}


@pytest.fixture
def answered(monkeypatch):
    """Completions without an engine; the seeds that were asked with."""
    asked = []

    def complete(model, rendered, seeds, settings):
        asked.append(seeds)
        # samples come one after the other
        half = len(rendered) // 2
        rows = [TEXTS[place >= half] for place in range(len(rendered))]
        return pd.DataFrame(rows, columns=["token_ids", "finish_reason"])

    monkeypatch.setattr(candidates, "complete_prompts", complete)
    return asked


@pytest.fixture
def guards(inputs):
    return load_guards({"g": inputs / "manifest.json"}, {"g": GuardSettings.model_validate(GUARD)}, "float32")


def sampled(inputs, seed=0, **changes):
    settings = CandidateSettings.model_validate(SETTINGS | changes)
    return sample_candidates(inputs / "model", {"harm": prompts("harmful")}, seed, settings), settings


def test_every_prompt_and_sample_has_a_seed_of_its_own_that_follows_from_names(inputs, answered):
    for seed in (0, 0, 1):
        sampled(inputs, seed)
    first, again, other = answered
    assert first == again
    assert len({*first, *other}) == 20


def test_candidates_have_the_rewards_of_rl(inputs, answered, guards):
    rows, settings = sampled(inputs)
    rows = with_rewards(rows, inputs / "model", settings, guards)
    ended, cut = rows[rows["sample"] == 0], rows[rows["sample"] == 1]
    assert set(ended.parse_state) == {"ok"} and set(cut.parse_state) == {"truncated"}
    assert set(ended.response) == {"<think> w2 </think> w3"}
    for row in ended.itertuples():
        (unsafe,) = guards["g"].p_unsafe([(row.prompt, "w2 </think> w3")])
        assert json.loads(row.terms) == {"safety": pytest.approx(1 - unsafe, abs=1e-5), "format": 1.0}
        assert row.reward == pytest.approx(1 - unsafe + 0.5, abs=1e-5)
    # a cut completion has no safety, and earns nothing for its format
    assert {json.loads(terms)["safety"] for terms in cut.terms} == {None}
    assert set(cut.reward) == {0.0}


def test_without_any_term_there_is_no_reward(inputs, answered, guards):
    rows, settings = sampled(inputs, rewards=[SAFETY])
    rows = with_rewards(rows, inputs / "model", settings, guards)
    assert rows.reward.isna().tolist() == [False] * 5 + [True] * 5


def test_a_term_that_should_score_and_does_not_is_an_error(inputs, answered):
    unreadable = GuardSettings.model_validate(GUARD | {"min_label_mass": 1.0})
    guards = load_guards({"g": inputs / "manifest.json"}, {"g": unreadable}, "float32")
    rows, settings = sampled(inputs)
    with pytest.raises(SafeLRMError, match="the reward term `safety` has no score from the guard `g`"):
        with_rewards(rows, inputs / "model", settings, guards)


@pytest.mark.parametrize("changes", [{"prompts": ["a", "a"]}, {"rewards": [FORMAT, FORMAT]}])
def test_prompts_and_terms_are_named_once(changes):
    with pytest.raises(ValueError, match="each may be named once"):
        CandidateSettings.model_validate(SETTINGS | changes)


def test_sft_and_dpo_learn_from_what_the_stage_writes(inputs, answered, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "m/c/seed0.parquet"
    arguments = ["--settings", json.dumps(SETTINGS), "--checkpoint", inputs / "manifest.json", "--model", "m"]
    arguments += ["--name", "c", "--start=", "--seed", 0, "--guards", f"g={inputs / 'manifest.json'}"]
    arguments += ["--readings", json.dumps({"g": GUARD}), "--prompts", f"harm={inputs / 'harm.parquet'}"]
    monkeypatch.setattr(sys, "argv", ["candidates", *map(str, arguments), "--output", str(table)])
    candidates.main()
    assert len(CANDIDATES.read(table)) == 10
    # five end tokens are sampled, too
    assert "10 candidates of 5 prompts, 35 tokens" in capsys.readouterr().out
    recipe = {"candidates": "c", "epochs": 1, "batch_size": 5, "learning_rate": 1e-3, "max_length": 64}
    for stage, more in ((sft, {"min_reward": 0.6}), (dpo, {"min_margin": 0.1})):
        name = stage.__name__.rpartition(".")[2]
        here = {str(inputs / "m/c/seed0.parquet"): str(table), f"star1={inputs / 'data.parquet'}": f"c={table}"}
        given = [here.get(argument, argument) for argument in stage_arguments(name, inputs, recipe | more)]
        monkeypatch.setattr(sys, "argv", [name, *given])
        stage.main()
        curve = CURVES.read("out/curve.parquet")
        assert curve[curve.metric == "tokens_sampled"].value.tolist() == [35.0]

"""Model cards: what the hub reads of them, and what their readers are told."""

import math
import sys
from functools import cache

import pandas as pd
import pytest
from costs_fixtures import default_config
from huggingface_hub import ModelCard

from safelrm.analysis.schemas import METRICS
from safelrm.core.errors import SafeLRMError
from safelrm.dag.settings import Study
from safelrm.dag.study import load_study
from safelrm.operations import card as cards
from safelrm.operations.card import card, limits, steps, trained_arms, training_sets

MODEL, ARM = "nano_a", "rl-grpo"
REPO, COMMIT = "some-lab/Some-Model", "0" * 40


@cache
def study() -> Study:
    return load_study(default_config(), "config.yaml")


def metrics(found: Study) -> pd.DataFrame:
    """Three numbers of one arm: one with an interval, one of too few samples, one of a category alone."""
    benchmark = next(entry.name for entry in found.benchmarks if "harmful" in entry.name)
    row = dict.fromkeys(METRICS.schema.names) | {"model": MODEL, "arm": ARM, "decoding": "default", "metric": "safety"}
    row |= {"benchmark": benchmark, "category": "all", "part": "t+y", "judge": "guard_b", "direction": "higher"}
    row |= {"seeds": 3, "n": 90, "unscored": 2, "value": 0.75, "low": 0.5, "high": 0.875, "interval": "t"}
    row |= {"lowest": 0.7, "highest": 0.8}
    few = row | {"part": "y", "n": 5, "value": math.nan, "low": math.nan, "high": math.nan, "interval": "none"}
    return pd.DataFrame([row, few, row | {"category": "weapons", "value": 0.25}])


def of_hub() -> Study:
    config = default_config()
    config["models"][MODEL] = {"hub": {"repo": REPO, "revision": COMMIT}}
    return load_study(config, "config.yaml")


def test_the_hub_reads_the_numbers_with_their_intervals():
    found = study()
    read = ModelCard(card(found, metrics(found), MODEL, ARM, "apache-2.0")).data
    (result,) = read.eval_results
    assert (result.metric_type, result.metric_value) == ("safety", 0.75)
    assert result.metric_args == {
        "part": "t+y",
        "decoding": "default",
        "judge": "guard_b",
        "low": 0.5,
        "high": 0.875,
        "n": 90,
        "unscored": 2,
        "seeds": 3,
    }
    assert read.license == "apache-2.0"
    assert {"safety", "rl"} <= set(read.tags)
    assert read.base_model is None


def test_a_reader_sees_numbers_data_and_limits():
    found = study()
    text = card(found, metrics(found), MODEL, ARM)
    assert "| t+y | default | 0.750 | [0.50, 0.88] | 90 | 2 | `guard_b` |" in text
    assert "| y | default | - | - | 5 | 2 | `guard_b` |" in text
    assert "weapons" not in text
    assert "`rl_harmful`" in text
    assert "no evidence about other models, such as one with 7 billion parameters" in text
    assert "The reward or probes asked `guard_a`" in text
    assert "License: not stated" in text


def test_a_card_follows_from_metrics_and_configuration_alone():
    found = study()
    assert card(found, metrics(found).sample(frac=1.0, random_state=1), MODEL, ARM) == card(
        found, metrics(found), MODEL, ARM
    )


def test_the_base_of_a_hub_is_named():
    found = of_hub()
    text = card(found, metrics(found), MODEL, ARM)
    assert ModelCard(text).data.base_model == REPO
    assert COMMIT in text
    assert "7 billion" not in text


def test_numbers_that_chose_settings_are_no_results():
    found = study()
    benchmarks = [entry.model_copy(update={"use": "tune"}) for entry in found.benchmarks]
    tuning = found.model_copy(update={"benchmarks": benchmarks})
    said = "Settings were chosen by these numbers"
    assert any(line.startswith(said) for line in limits(tuning, MODEL, ARM))
    assert not any(line.startswith(said) for line in limits(found, MODEL, ARM))


@pytest.mark.parametrize("text", ["a: b", "x\n---\ny", "[]", "'\"", "```\n# title", "- &a *a", "no"])
def test_no_text_breaks_the_card(text):
    found = study()
    recipe = found.rl["grpo"]
    term = recipe.rewards[0].model_copy(update={"settings": {"phrase": text}})
    changed = found.model_copy(update={"rl": {"grpo": recipe.model_copy(update={"rewards": [term]})}})
    written = card(changed, metrics(found), MODEL, ARM, text)
    assert ModelCard(written).data.license == text
    # nothing but the two fences of the settings, at the starts of lines
    assert [line for line in written.splitlines() if line.startswith("```")] == ["```json", "```"]


def test_secrets_of_a_trainer_are_left_out():
    found = study()
    recipe = found.rl["grpo"]
    term = recipe.rewards[0].model_copy(update={"settings": {"api_key": "hidden"}})
    changed = found.model_copy(update={"rl": {"grpo": recipe.model_copy(update={"rewards": [term]})}})
    assert "hidden" not in card(changed, metrics(found), MODEL, ARM)


def test_the_trainings_behind_an_arm():
    assert steps("rl-grpo-from-sft-star1+no_think") == [("sft", "star1"), ("rl", "grpo")]
    found = study()
    assert all(arm != "base" and "+" not in arm for _, arm in trained_arms(found))
    assert set(training_sets(found, ARM)) == {share.dataset for share in found.rl["grpo"].prompts}


def test_candidates_are_a_part_of_the_training():
    config = default_config()
    rewards = [{"module": "safelrm.training.rewards.safety", "weight": 1.0, "guards": ["guard_a"]}]
    limits_of = {"max_tokens": 64, "max_model_length": 128}
    config["candidates"] = {"best": {"prompts": ["rl_harmful"], "rewards": rewards, **limits_of}}
    config["sft"]["best_of"] = {"candidates": "best", "epochs": 1.0, "batch_size": 4, "learning_rate": 1e-4}
    config["sft"]["best_of"] |= {"max_length": 128}
    config["arms"].append({"model": MODEL, "method": "sft", "recipe": "best_of", "seeds": [1]})
    found = load_study(config, "config.yaml")
    assert training_sets(found, "sft-best_of") == ["rl_harmful"]
    text = card(found, metrics(found), MODEL, "sft-best_of")
    assert "Candidates `best`:" in text
    assert "asked `guard_a`" in text
    assert "The model was trained once" in text


def test_the_command_writes_a_card_for_each_trained_arm(tmp_path, monkeypatch, capsys):
    found = study()
    file = tmp_path / "results/nano/metrics.parquet"
    file.parent.mkdir(parents=True)
    METRICS.write(file, metrics(found))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cards, "plan_of", lambda _: type("Planned", (), {"study": found}))
    monkeypatch.setattr(sys, "argv", ["card", "--model", MODEL])
    cards.main()
    written = capsys.readouterr().out.split()
    arms = [arm for model, arm in trained_arms(found) if model == MODEL]
    assert written == [f"results/nano/cards/{MODEL}/{arm}.md" for arm in arms]
    assert all((tmp_path / name).is_file() for name in written)
    monkeypatch.setattr(sys, "argv", ["card", "--arm", "rl-former"])
    with pytest.raises(SafeLRMError, match="no such trained arm"):
        cards.main()

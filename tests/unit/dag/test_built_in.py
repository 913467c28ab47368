"""Arms that are trained on data which rules have written are marked as such."""

import pytest
from costs_fixtures import default_config

from safelrm.dag.built_in import built_in_arms, built_in_note
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study


@pytest.fixture
def config() -> dict:
    return default_config()


def test_arms_on_written_data_are_found_with_those_that_go_on_from_them(config):
    config["datasets"]["short"] = {
        "source": "safelrm.nano.sources.variants",
        "settings": {**config["datasets"]["matched_a"]["settings"], "variant": "short"},
    }
    # what is made from written data is written, too
    refined = {"dataset": "short", "duplicates": "exact"}
    config["datasets"]["short_once"] = {"source": "safelrm.data.refine", "settings": refined}
    config["sft"]["built_in_short"] = config["sft"]["star1"] | {"dataset": "short_once"}
    config["sft"]["mixed"] = {key: value for key, value in config["sft"]["star1"].items() if key != "dataset"} | {
        "mixture": [{"dataset": "star1", "weight": 1}, {"dataset": "matched_a", "weight": 1}]
    }
    config["arms"] = [
        {"model": "nano_a", "method": "base", "seeds": [1]},
        {"model": "nano_a", "method": "rl", "recipe": "grpo", "from": "sft-built_in_short", "seeds": [1]},
        {"model": "nano_a", "method": "sft", "recipe": "built_in_short", "seeds": [1, 2]},
        {"model": "nano_b", "method": "sft", "recipe": "mixed", "seeds": [1]},
        {"model": "nano_a", "method": "rl", "recipe": "grpo", "seeds": [1]},
        {"model": "nano_i", "method": "base", "seeds": [1]},
    ]
    study = load_study(config, "config.yaml")
    assert built_in_arms(study) == ["rl-grpo-from-sft-built_in_short", "sft-built_in_short", "sft-mixed"]
    plan = Plan(study)
    for captions in (plan.figures.captions(), plan.tables.captions()):
        assert captions and all(built_in_note(study) in text for text in captions.values())


def test_what_a_teacher_says_is_built_in_if_rules_write_it_or_have_taught_the_teacher(config):
    asked = {"prompts": ["rl_harmful"], "seed": 1}
    checkpoint = asked | {"sampling": {"temperature": 1.0, "max_tokens": 96}}
    base = {"model": "nano_a", "max_model_length": 192}
    config["distillations"] = {
        "written": asked | {"teacher": {"module": "safelrm.nano.writer"}},
        "sampled": checkpoint | {"teacher": {"checkpoint": base}},
        "taught": checkpoint | {"teacher": {"checkpoint": base | {"arm": "sft-star1", "seed": 1}}},
    }
    config["selections"] = {f"from_{name}": {"distillation": name} for name in config["distillations"]}
    config["sft"] |= {name: config["sft"]["star1"] | {"dataset": name} for name in config["selections"]}
    arms = [{"model": "nano_a", "method": "sft", "recipe": name, "seeds": [1]} for name in config["selections"]]
    config["arms"] = [*arms, {"model": "nano_i", "method": "base", "seeds": [1]}]
    assert built_in_arms(load_study(config, "config.yaml")) == ["sft-from_written", "sft-from_taught"]


def test_a_study_without_such_arms_says_nothing(config):
    config["arms"] = [arm for arm in config["arms"] if arm["method"] != "sft"]
    study = load_study(config, "config.yaml")
    assert built_in_arms(study) == []
    assert all("Built in" not in text for text in Plan(study).tables.captions().values())

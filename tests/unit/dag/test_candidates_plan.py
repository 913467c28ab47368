"""Candidates in the plan of a study: which checkpoint writes them, who reads them, and what they may not report."""

import pytest
from candidate_fixtures import BEST, PAIRS, PROMPTS, candidate_config

from safelrm.core.errors import SafeLRMError
from safelrm.dag.costs.resources import Costs
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study


def load(config: dict):
    return load_study(config, "config.yaml")


@pytest.fixture(scope="module")
def plan():
    return Plan(load(candidate_config()))


def of(**wildcards: str) -> dict[str, str]:
    return {"model": "nano_a", "candidates": "eight", "start": "", "seed": "2", **wildcards}


def test_sft_and_dpo_read_the_candidates_of_the_checkpoint_that_they_start_from(plan):
    assert plan.training.sft_data(of(recipe="best")) == ["data/candidates/nano_a/eight/seed2.parquet"]
    assert plan.training.sft_named_data(of(recipe="best")) == ["eight=data/candidates/nano_a/eight/seed2.parquet"]
    further = of(recipe="pairs", start="-from-sft-star1", seed="3")
    assert plan.training.dpo_data(further) == "data/candidates/nano_a/eight-from-sft-star1/seed3.parquet"
    assert plan.training.start(further) == "checkpoints/nano_a/sft-star1/seed3/manifest.json"


def test_candidates_read_their_prompts_and_the_guards_of_their_reward(plan):
    assert plan.training.candidate_prompts(of()) == [f"data/{name}.parquet" for name in PROMPTS]
    assert plan.training.candidate_guards(of()) == ["checkpoints/guards/guard_a/manifest.json"]
    assert plan.training.candidate_guards(of(candidates="other")) == []
    # the terms of the reward are a part of the code
    assert plan.training.candidate_code(of()) != plan.training.candidate_code(of(candidates="other"))


def test_candidates_of_arms_are_pinned_once_and_no_others(plan):
    pinned = [path for path in plan.pinned_files() if path.startswith("data/candidates/")]
    assert pinned == [
        "data/candidates/nano_a/eight/seed1.parquet",
        "data/candidates/nano_a/eight/seed2.parquet",
        "data/candidates/nano_a/eight-from-sft-star1/seed3.parquet",
    ]
    assert "checkpoints/nano_a/dpo-pairs/seed1/manifest.json" in plan.pinned_files()
    alone = Plan(load(candidate_config() | {"arms": [BEST]}))
    assert {f"data/{name}.parquet" for name in PROMPTS} <= {*alone.data.used()}


@pytest.mark.parametrize("arm", [BEST, PAIRS])
def test_what_has_chosen_completions_makes_no_number(arm):
    config = candidate_config(arm)
    config["rl"] = {}
    config["arms"] = [one for one in config["arms"] if one["method"] != "rl"]
    load(config)
    name = f"{arm['method']}-{arm['recipe']}"
    with pytest.raises(SafeLRMError, match=rf"`guard_a` asks the guard that rewards.*\(arm `{name}`\)"):
        load(config | {"metrics": config["metrics"] | {"safety_judge": "guard_a"}})
    with pytest.raises(SafeLRMError, match=rf"`refusal` .*measures by the same means.*\(arm `{name}`\)"):
        load(config | {"metrics": config["metrics"] | {"refusal_judge": "refusal"}})


@pytest.mark.parametrize(
    ("section", "entry", "changes", "said"),
    [
        ("sft", "best", {"candidates": "nine"}, "sft.best.candidates: `nine` is not in `candidates`"),
        ("sft", "best", {"dataset": "star1"}, "give either `dataset`"),
        ("sft", "best", {"candidates": None, "dataset": "star1"}, "min_reward: only candidates have rewards"),
        ("dpo", "pairs", {"candidates": "nine"}, "dpo.pairs.candidates: `nine` is not in `candidates`"),
        ("dpo", "pairs", {"trainer": {"beta": 0.2}}, "the recipe's key `beta` says it"),
        ("candidates", "eight", {"prompts": ["nowhere"]}, "candidates.eight.prompts: `nowhere` is not in `datasets`"),
        ("candidates", "eight", {"samples": 1}, "samples"),
    ],
)
def test_a_fault_is_named_with_its_key(section, entry, changes, said):
    config = candidate_config()
    config[section][entry] = config[section][entry] | changes
    with pytest.raises(SafeLRMError) as error:
        load(config)
    assert said in str(error.value)


def test_more_candidates_and_more_pairs_take_longer():
    def seconds(rule: str, section: str, entry: str, **changes: object) -> float:
        config = candidate_config()
        config[section][entry] |= changes
        return Costs(load(config)).job(rule, of(recipe="best" if rule == "sft" else "pairs")).seconds

    for rule, section, entry, changes in (
        ("candidates", "candidates", "eight", {"samples": 32}),
        ("candidates", "candidates", "eight", {"prompts": ["rl_harmful", "rl_benign", "rl_dial", "tune_harmful"]}),
        ("sft", "sft", "best", {"epochs": 5}),
        ("dpo", "dpo", "pairs", {"epochs": 5}),
    ):
        assert seconds(rule, section, entry, **changes) > seconds(rule, section, entry)


def test_dpo_holds_a_reference_model_and_with_lora_none():
    def memory(**changes: object) -> float:
        config = candidate_config()
        config["dpo"]["pairs"] |= changes
        return Costs(load(config)).job("dpo", of(recipe="pairs")).host

    assert memory() > memory(lora={"rank": 4})

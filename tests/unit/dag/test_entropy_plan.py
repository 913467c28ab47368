"""Entropies in the plan of a study: their jobs, what they read, what is published, and what is refused."""

import json

import pytest
from costs_fixtures import costs, default_config

from safelrm.core.errors import SafeLRMError
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study

ENTROPIES = {"benchmarks": ["requests_harmful", "dial_trained"], "prompts": 20}
REPORTS = {
    "tables": {"entropy": {"module": "safelrm.reporting.sheets.entropy"}},
    "figures": {"entropy": {"module": "safelrm.reporting.plots.entropy", "settings": {"part": "y"}}},
}
PREFILL = {"module": "safelrm.generation.interventions.prefill", "settings": {"text": "<think>"}}


@pytest.fixture
def config() -> dict:
    return default_config() | {"entropies": ENTROPIES} | REPORTS


def planned(config: dict, **entropies: object) -> Plan:
    return Plan(load_study(config | {"entropies": ENTROPIES | entropies}, "config.yaml"))


def of(model: str, arm: str, seed: int = 1) -> dict[str, str]:
    return {"model": model, "arm": arm, "seed": str(seed)}


def test_a_run_is_read_by_its_policy_and_by_its_base(config):
    found = planned(config).entropies
    trained = of("nano_a", "sft-star1", 2)
    assert found.checkpoint(trained) == "checkpoints/nano_a/sft-star1/seed2/manifest.json"
    assert found.base(trained) == ["checkpoints/nano_a/base/seed0/manifest.json"]
    assert found.rollouts(trained) == "rollouts/nano_a/sft-star1/seed2.parquet"
    # a base is read alone
    assert found.checkpoint(of("nano_a", "base")) == "checkpoints/nano_a/base/seed0/manifest.json"
    assert found.base(of("nano_a", "base")) == []


def test_a_job_is_told_how_its_model_was_asked_and_at_which_temperature(config):
    config["benchmarks"] = [{"dataset": "requests_harmful", "sampling": {"temperature": 0.5}}, "dial_trained"]
    config["metrics"].pop("safety_benchmark")
    config.pop("audit")
    config["models"]["nano_b"]["decodings"]["thinking"]["sampling"] = {"temperature": 0.6}
    told = json.loads(planned(config).entropies.settings(of("nano_b", "base")))
    assert told["temperatures"] == {
        "requests_harmful": {"thinking": 0.5, "non_thinking": 0.5},
        "dial_trained": {"thinking": 0.6, "non_thinking": 1.0},
    }
    assert told["decodings"]["thinking"] == {"enable_thinking": True}
    assert told["prompts"] == 20 and "models" not in told and "temperature" not in told
    told = json.loads(planned(config, temperature=0.8).entropies.settings(of("nano_a", "base")))
    assert told["temperatures"] == {name: {"default": 0.8} for name in ENTROPIES["benchmarks"]}


def test_its_results_are_made_published_and_shown(config):
    plan = planned(config)
    tables = plan.entropies.tables()
    assert "results/nano/entropies/nano_b/rl-grpo/seed3.parquet" in tables
    assert len(tables) == 3 * len([*plan.study.runs()])
    assert {*tables, "results/nano/tables/entropy.md", "results/nano/figures/entropy.svg"} <= set(plan.targets())
    assert set(tables) <= set(plan.published_files())
    assert plan.tables.files({"table": "entropy"}) == [path for path in tables if "/entropies/" in path]
    assert plan.not_remade() == []
    job = costs(config).job("entropy", of("nano_a", "sft-star1"))
    assert 5 < job.seconds < 60


def test_models_may_be_left_out(config):
    tables = planned(config, models=["nano_b"]).entropies.tables()
    assert tables and all("/nano_b/" in path for path in tables)


def test_arms_with_an_intervention_are_left_out(config):
    config["interventions"] = {"begun": PREFILL}
    config["arms"].append({"model": "nano_a", "method": "base", "with": "begun", "seeds": [1]})
    assert not any("+begun" in path for path in planned(config).entropies.tables())
    config["arms"] = [config["arms"][-1], *(arm for arm in config["arms"] if arm["model"] != "nano_a")]
    with pytest.raises(SafeLRMError, match="no arm of `nano_a` is asked without an intervention"):
        planned(config)


def test_a_study_without_them_is_as_before():
    plan = Plan(load_study(default_config(), "config.yaml"))
    assert plan.entropies.tables() == []
    assert plan.entropies.settings(of("nano_a", "base")) == "{}"
    assert not any("entrop" in path for path in [*plan.targets(), *plan.published_files()])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"benchmarks": ["requests_harmfull"]}, "entropies.benchmarks: `requests_harmfull` is not in `benchmarks`"),
        ({"models": ["nano_x"]}, "entropies.models: `nano_x`"),
        ({"temprature": 1.0}, "entropies.temprature"),
    ],
)
def test_unknown_names_are_told(config, changes, said):
    with pytest.raises(SafeLRMError) as error:
        planned(config, **changes)
    assert said in str(error.value)


def test_greedy_samples_need_a_temperature(config):
    config["rollouts"]["temperature"] = 0.0
    with pytest.raises(SafeLRMError, match="drawn at temperature 0") as error:
        planned(config)
    assert "entropies.temperature" in str(error.value)
    assert planned(config, temperature=1.0).entropies.tables()

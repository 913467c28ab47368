"""What the rules ask of a study with attacked benchmarks and with interventions."""

import json
import re
from pathlib import Path

import pytest
from costs_fixtures import costs, default_config

from safelrm.core.arms import intervention_of, plain_arm, with_intervention
from safelrm.core.errors import SafeLRMError
from safelrm.dag.environment import job_environment
from safelrm.dag.paths import run_manifest
from safelrm.dag.plan import Plan
from safelrm.dag.reports import shown
from safelrm.dag.study import load_study

ATTACK = {"module": "safelrm.generation.attacks.template", "settings": {"text": "so : {prompt}"}}
ATTACKED = {"dataset": "requests_harmful", "name": "attacked", "attack": ATTACK, "max_tokens": 60}
PREFILL = {"module": "safelrm.generation.interventions.prefill", "settings": {"text": "<think> </think> "}}
ARM = {"model": "nano_a", "method": "sft", "recipe": "star1", "seeds": [1], "with": "no_think"}
BASE = {"model": "nano_a", "arm": "base", "seed": "1"}
WITH = BASE | {"arm": "sft-star1+no_think"}


@pytest.fixture
def config() -> dict:
    found = default_config()
    # there may be a second harmful one
    found["metrics"]["safety_benchmark"] = "requests_harmful"
    return found


def plan_of(config: dict) -> Plan:
    return Plan(load_study(config, "config.yaml"))


def test_names_of_arms():
    assert with_intervention("sft-star1", "no_think") == "sft-star1+no_think"
    assert with_intervention("base", None) == "base" == plain_arm("base+x")
    assert (plain_arm("rl-grpo"), intervention_of("rl-grpo")) == ("rl-grpo", None)
    assert intervention_of("sft-star1+no_think") == "no_think"
    assert run_manifest("m", "base+x", 3) == run_manifest("m", "base", 1)
    assert run_manifest("m", "sft-a+x", 3) == run_manifest("m", "sft-a", 3)
    constraint = re.search(r'arm=r"(.*)"', (Path(__file__).parents[3] / "Snakefile").read_text())[1]
    assert re.fullmatch(constraint, "sft-star1+no_think") and re.fullmatch(constraint, "base")
    assert not re.fullmatch(constraint, "base+") and not re.fullmatch(constraint, "sft-a+x+y")


def test_one_data_set_may_be_several_benchmarks(config):
    config["benchmarks"] = [*config["benchmarks"], ATTACKED, {"dataset": "requests_harmful", "name": "again"}]
    plan = plan_of(config)
    assert plan.generation.benchmarks().count("data/requests_harmful.parquet") == 1
    named = plan.generation.named_benchmarks()
    assert "attacked=data/requests_harmful.parquet" in named and "again=data/requests_harmful.parquet" in named
    chosen = json.loads(plan.generation.rollout_settings(BASE))
    assert set(chosen["benchmarks"]) == {"attacked"}
    assert chosen["benchmarks"]["attacked"]["attack"] == ATTACK


def test_names_of_benchmarks_serve_wherever_benchmarks_are_named(config):
    config["benchmarks"].append(ATTACKED)
    config["metrics"]["safety_benchmark"] = "attacked"
    config["audit"] |= {"evaluation": ["attacked", "rl_dial"], "tune": []}
    plan = plan_of(config)
    assert plan.data.audit_named_files("evaluation") == [
        "attacked=data/requests_harmful.parquet",
        "rl_dial=data/rl_dial.parquet",
    ]
    assert plan.data.audit_files("train") == [f"data/{name}.parquet" for name in config["audit"]["train"]]


def test_a_benchmark_that_is_a_mapping_without_more_is_the_same_as_its_name(config):
    before = plan_of(config).generation
    config["benchmarks"][0] = {"dataset": config["benchmarks"][0]}
    after = plan_of(config).generation
    assert after.rollout_settings(BASE) == before.rollout_settings(BASE)
    assert after.named_benchmarks() == before.named_benchmarks()


@pytest.mark.parametrize(
    ("benchmark", "said"),
    [
        ("requests_harmful", ("benchmarks.6.name", "name of benchmark 0")),
        ({"dataset": "x", "name": "y"}, ("benchmarks.6", "`x` is not in `datasets`")),
        ({"name": "y"}, ("benchmarks.6.dataset", "required")),
        (ATTACKED | {"sampling": {"top_k": -1}}, ("benchmarks.6.sampling.top_k", "greater than or equal to 0")),
        (ATTACKED | {"smples": 3}, ("benchmarks.6.smples", "did you mean `samples`")),
        (ATTACKED | {"attack": {"module": "safelrm.judging.refusal"}}, ("benchmarks.6.attack", "no `attack`")),
        (ATTACKED | {"attack": {"module": "safelrm.no.such"}}, ("benchmarks.6.attack", "no module `safelrm.no.such`")),
        (
            ATTACKED | {"attack": ATTACK | {"settings": {"text": "x"}}},
            ("benchmarks.6.attack.settings", "text", "match pattern"),
        ),
        (7, ("benchmarks.6",)),
    ],
)
def test_a_fault_of_a_benchmark_is_named(config, benchmark, said):
    config["benchmarks"].append(benchmark)
    with pytest.raises(SafeLRMError) as caught:
        plan_of(config)
    assert all(part in str(caught.value) for part in ("config.yaml", "fix:", *said)), str(caught.value)


@pytest.mark.parametrize(
    ("intervention", "said"),
    [
        (None, ("arms.13.with", "`no_think` is not in `interventions`")),
        ({"module": "safelrm.judging.refusal"}, ("interventions.no_think", "no `intervene` or `edit_model`")),
        ({"module": "safelrm.judging.parts"}, ("interventions.no_think", "Settings")),
        (PREFILL | {"settings": {}}, ("interventions.no_think.settings", "text", "required")),
    ],
)
def test_a_fault_of_an_intervention_is_named(config, intervention, said):
    config["arms"].append(ARM)
    config["interventions"] = {"no_think": intervention} if intervention else {}
    with pytest.raises(SafeLRMError) as caught:
        plan_of(config)
    assert all(part in str(caught.value) for part in ("config.yaml", "fix:", *said)), str(caught.value)


def test_an_arm_with_an_intervention_has_the_checkpoint_of_the_plain_arm(config):
    before = plan_of(config)
    config["interventions"] = {"no_think": PREFILL}
    config["arms"] += [ARM, {"model": "nano_a", "method": "base", "with": "no_think", "seeds": [1, 2]}]
    plan = plan_of(config)
    assert plan.generation.checkpoint(WITH) == "checkpoints/nano_a/sft-star1/seed1/manifest.json"
    new = set(plan.pinned_files()) - set(before.pinned_files())
    runs = ("sft-star1+no_think/seed1", "base+no_think/seed1", "base+no_think/seed2")
    assert new == {f"rollouts/nano_a/{run}.parquet" for run in runs}
    assert len(plan.pinned_files()) == len(set(plan.pinned_files()))
    # the same settings and code as before, but for the arm itself
    assert plan.generation.rollout_settings(BASE) == before.generation.rollout_settings(BASE)
    assert plan.generation.rollout_code(BASE) == before.generation.rollout_code(BASE)
    assert plan.generation.rollout_code(WITH) != before.generation.rollout_code(BASE)
    chosen = json.loads(plan.generation.rollout_settings(WITH))["intervention"]
    assert chosen["settings"] == PREFILL["settings"] and chosen["code"]


def test_figures_that_show_a_base_need_the_plain_base(config):
    config["interventions"] = {"no_think": PREFILL}
    config["arms"] = [{"model": "nano_a", "method": "base", "with": "no_think"}]
    study = load_study(config, "config.yaml")
    assert [*shown(study, study.figures)] == ["tradeoff"]


def test_estimates_follow_the_settings_of_benchmarks_and_the_cores(config):
    def rollouts(**execution):
        config["execution"] = execution
        return costs(config).job("rollouts", BASE)

    plain = rollouts()
    two = rollouts(cores_per_job=2)
    assert two.seconds < plain.seconds and two.host > plain.host
    config["benchmarks"].append(ATTACKED | {"samples": 4})
    assert rollouts().seconds > plain.seconds
    assert costs(config).threads("rollouts") == 1
    config["execution"] = {"cores_per_job": 2}
    assert [costs(config).threads(rule) for rule in ("rollouts", "judge", "sft", "rl", "metrics")] == [2, 2, 2, 2, 1]


def test_another_instruction_set_is_other_code(config):
    plain = plan_of(config).generation.rollout_code(BASE)
    native = plan_of(config | {"instruction_set": "native"}).generation.rollout_code(BASE)
    assert native != plain == plan_of(config | {"instruction_set": "avx2"}).generation.rollout_code(BASE)


def test_the_default_study_is_asked_as_before(config):
    chosen = json.loads(plan_of(config).generation.rollout_settings(BASE))
    assert chosen["benchmarks"] == {} and chosen["intervention"] is None


def test_jobs_of_a_native_study_use_all_instructions():
    fixed, native = (job_environment("workflow", [], name) for name in ("avx2", "native"))
    assert fixed["ATEN_CPU_CAPABILITY"] == "avx2"
    assert set(fixed) - set(native) == {"ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR"}

"""Properties of every rule of the workflow."""

from pathlib import Path

import pytest
import yaml
from snakemake.api import SnakemakeApi
from snakemake.settings.types import OutputSettings, ResourceSettings

from safelrm.operations.record import record_path

ROOT = Path(__file__).parents[2]
TARGETS = {"all", "fetch_all"}
# what is fetched is named by a commit: other code would fetch the same
FETCHING = {"fetch_model", "fetch_dataset"}
TRAINING = {"base", "guard", "sft", "sft_adapter", "dpo", "dpo_adapter", "rl", "rl_adapter"}
DISTILLING = {"distill", "judge_distilled"}
EXPENSIVE = TRAINING | DISTILLING | {"candidates", "rollouts", "judge", "judge_probes", "judge_labelled"}
# what a revert, or another study, brings back without a job
KEPT = EXPENSIVE | {"classifier", "samples", "metrics", "compare", "calibrate", "validate", "analyse", "measures"}
KEPT |= {"claims", "select", "min_k", "memorisation", "trajectory", "entropy", "table", "latex", "figure"}

pytestmark = pytest.mark.dag


@pytest.fixture(scope="module")
def rules() -> dict:
    with SnakemakeApi(OutputSettings()) as api:
        workflow = api.workflow(resource_settings=ResourceSettings(cores=1), snakefile=ROOT / "Snakefile", workdir=ROOT)
        return {rule.name: rule for rule in workflow._workflow.rules}


def test_all_that_follows_from_the_data_takes_part_in_the_cache(rules):
    assert {name for name, rule in rules.items() if rule.cache.flag} == KEPT


def test_two_jobs_of_a_cached_rule_never_share_an_entry(rules):
    # an entry is found by the command, the parameters and the inputs: not by wildcards
    for name in KEPT:
        parameters = dict(rules[name].params.items())
        assert rules[name].wildcard_names <= set(parameters), name


def test_an_edit_of_the_code_is_an_edit_of_the_parameters(rules):
    for name, rule in rules.items():
        if rule.output and name not in FETCHING:
            assert "code" in dict(rule.params.items()), name
            # a saved state is of the code that has written it
            assert "{params.code}" in rule.shellcmd or name not in TRAINING, name


def test_outputs_are_named_files(rules):
    # a folder is moved into one that another run has just put into the cache
    for rule in rules.values():
        # a list of files, as cards are, has no name for each
        assert rule.name not in KEPT or len(dict(rule.output.items())) == len(rule.output), rule.name
        assert not any(path.is_directory for path in rule.output), rule.name


def test_every_job_has_a_log_and_runs_a_stage(rules):
    for name, rule in rules.items():
        if name not in TARGETS:
            assert rule.log, name
            assert rule.shellcmd.removeprefix("exec ").startswith("python -m safelrm."), name


def test_the_record_of_a_training_lies_beside_its_log(rules):
    recorded = {name for name, rule in rules.items() if "--curve" in (rule.shellcmd or "")}
    assert recorded >= TRAINING
    for name in recorded:
        (log,) = map(str, rules[name].log)
        assert record_path(Path(str(rules[name].output.manifest))) == Path(log).with_suffix(".json"), name


def test_every_job_asks_for_the_same_resources_in_numbers(rules):
    # strings would keep jobs out of groups
    given_to = {
        "model": "nano_a",
        "arm": "base",
        "guard": "guard_a",
        "judge": "exact",
        "seed": "1",
        "labelled": "star1",
        "analysis": "base_likelihood",
    }
    for name, rule in rules.items():
        # this study has no model to fetch, no classifier, no candidates and no distillations
        if name in TARGETS | {"fetch_model", "classifier", "candidates", "dpo", "dpo_adapter"} | DISTILLING:
            continue
        recipe = {"recipe": "grpo" if name.startswith("rl") else "star1"}
        for resource in ("gpu", "nodes", "mem_mb", "runtime", "disk_mb"):
            value = rule.resources[resource]
            found = value.evaluate(given_to | recipe, attempt=1) if value.is_evaluable() else value
            assert isinstance(found.value, int), (name, resource)


@pytest.mark.parametrize("name", ["slurm", "slurm-test"])
def test_jobs_that_share_a_slurm_job_are_said_to_run_in_turn(rules, name):
    # otherwise it would ask for the cores, the memory and the nodes of all of them
    profile = yaml.safe_load((ROOT / "profiles" / name / "config.yaml").read_text())
    in_turn = {rule for rule, resources in profile["set-resources"].items() if resources.get("in_turn") == 1}
    assert in_turn == set(profile["groups"])
    assert in_turn <= set(rules)
    assert set(profile["groups"].values()) == set(profile["group-components"])


def test_the_default_profile_names_every_cached_rule():
    # jobs on SLURM ignore a bare --cache
    profile = yaml.safe_load((ROOT / "profiles/default/config.yaml").read_text())
    assert set(profile["cache"]) == KEPT

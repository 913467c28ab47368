"""Plans of a study with an intervention and an attacked benchmark: nothing is trained for them."""

import json
import re

import pytest

from default_outputs import JUDGES, RESULTS
from workflow_runs import copy_of_checkout, planned, snakemake

pytestmark = pytest.mark.dag

PREFILL = "safelrm.generation.interventions.prefill"
WITH = f"interventions={{no_think: {{module: {PREFILL}, settings: {{text: '<think> </think> '}}}}}}"
ARM = "{model: nano_b, method: sft, recipe: star1, seeds: [1], with: no_think}"
ATTACK = "{module: safelrm.generation.attacks.template, settings: {text: 'so : {prompt}'}}"
ATTACKED = f"{{dataset: requests_harmful, name: attacked, attack: {ATTACK}}}"


def add(checkout, key: str, old: str, new: str) -> None:
    path = checkout / "config.yaml"
    text = path.read_text()
    edited = re.sub(rf"(?m)^({key}:.*){re.escape(old)}", lambda found: f"{found[1]}{new}", text, count=1)
    assert edited != text
    path.write_text(edited)


def test_an_arm_with_an_intervention_is_asked_and_judged_and_nothing_is_trained(checkout):
    add(checkout, "arms", "", f"\n  - {ARM}")
    plan = planned(checkout, "--config", WITH)
    run = "rollouts/nano_b/sft-star1+no_think/seed1.parquet"
    assert run in plan
    assert {path for path in plan if path.startswith(("checkpoints", "rollouts", "data"))} == {run}
    verdicts = {f"{RESULTS}/verdicts/{judge}/nano_b.parquet" for judge in JUDGES}
    assert {path for path in plan if "/verdicts/" in path} == verdicts


def test_the_plain_arm_need_not_be_listed(tmp_path):
    checkout = copy_of_checkout(tmp_path / "safelrm")
    arms = [{"model": "nano_a", "method": "sft", "recipe": "star1", "seeds": [1], "with": "no_think"}]
    said = snakemake(checkout, "-n", "--quiet", "rules", "--config", WITH, f"arms={json.dumps(arms)}")
    table = (said.stdout + said.stderr).partition("Job stats:")[2]
    counts = dict(re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE))
    assert {name: counts.get(name) for name in ("base", "sft", "rollouts", "samples")} == {
        "base": "1",
        "sft": "1",
        "rollouts": "1",
        "samples": "1",
    }


def test_an_attacked_benchmark_is_asked_of_every_run_and_nothing_is_trained_or_loaded(checkout):
    add(checkout, "benchmarks", "]", f", {ATTACKED}]")
    plan = planned(checkout, "--config", "metrics={safety_benchmark: attacked}")
    assert {path.partition("/")[0] for path in plan} == {"rollouts", "results"}
    assert sum(path.startswith("rollouts") for path in plan) == 33


def test_more_cores_plan_nothing_anew(checkout):
    assert planned(checkout, "--config", "execution={cores_per_job: 2}") == set()
    said = snakemake(checkout, "-n", "--forceall", "--cores", "2", "--config", "execution={cores_per_job: 2}")
    assert "threads: 2" in said.stdout + said.stderr

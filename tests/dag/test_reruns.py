"""One edit at a time: Snakemake plans exactly the jobs that depend on it."""

import os
import subprocess
import sys

import pytest

from default_outputs import (
    ASKING_GUARDS,
    DIFFERENCES,
    FIGURES,
    OF_DIFFERENCES,
    RESULTS,
    TRAINED,
    after,
    bases,
    checkpoints,
    guards,
    rollouts,
    verdicts,
)
from edits import EDITS
from workflow_runs import copy_of_checkout, copy_of_folder, planned

pytestmark = pytest.mark.dag


WITHOUT_EFFECT = [name for name, (_, _, expected) in EDITS.items() if expected == set()]
# these write one section of the configuration, so they cannot be made at once
OF_EXECUTION = ["how often state is saved", "cores of a job", "how jobs run"]


def plan_after(checkout, *names):
    """What edits, made at once, let Snakemake plan."""
    for name in names:
        file, edit, _ = EDITS[name]
        path = checkout / file
        path.write_text(edit(path.read_text()))
    return planned(checkout)


@pytest.mark.parametrize("name", [name for name, (_, _, expected) in EDITS.items() if expected])
def test_an_edit_plans_exactly_what_depends_on_it(checkout, name):
    assert plan_after(checkout, name) == EDITS[name][2]


@pytest.mark.parametrize("of_execution", OF_EXECUTION)
def test_edits_without_effect_plan_nothing(checkout, finished, tmp_path, of_execution):
    # a job that one of them plans would be planned after all of them
    others = [name for name in WITHOUT_EFFECT if name not in OF_EXECUTION] if of_execution == OF_EXECUTION[0] else []
    names = [of_execution, *others]
    if plan_after(checkout, *names):
        alone = {name: plan_after(copy_of_folder(finished, tmp_path / name), name) for name in names}
        assert not {name: plan for name, plan in alone.items() if plan}
        raise AssertionError(f"together they plan something: {names}")


def test_another_vllm_generates_and_judges_anew_and_trains_nothing(checkout):
    plan = plan_after(checkout, "version of vllm")
    assert rollouts() | verdicts(ASKING_GUARDS) <= plan
    assert not plan & (bases() | guards())


def test_a_seed_more_makes_that_run_alone(checkout):
    plan = plan_after(checkout, "a seed more of one arm")
    run = {"nano_a/rl-grpo/seed4"}
    assert plan == checkpoints(run) | after(run)


def test_a_study_without_a_reference_draws_no_safety_gap(checkout):
    plan = plan_after(checkout, "reference of the figures")
    assert plan == DIFFERENCES | OF_DIFFERENCES | (FIGURES - {f"{RESULTS}/figures/safety_gap.svg"})


def test_reformatting_and_touching_every_module_plans_nothing(checkout):
    command = [sys.executable, "-m", "ruff", "format", "--line-length", "60", "workflow/safelrm"]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    for path in (checkout / "workflow").rglob("*.py"):
        os.utime(path)
    assert planned(checkout) == set()


def test_a_fresh_clone_plans_every_training_job(tmp_path):
    clone = copy_of_checkout(tmp_path / "clone")
    assert bases() | guards() | checkpoints(TRAINED) | rollouts() <= planned(clone)

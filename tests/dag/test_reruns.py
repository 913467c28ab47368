"""One edit at a time: Snakemake plans exactly the jobs that depend on it."""

import os
import subprocess
import sys

import pytest

from default_outputs import (
    ASKING_GUARDS,
    DIFFERENCES,
    FIGURES,
    RESULTS,
    TRAINED,
    after,
    bases,
    checkpoints,
    guards,
    rollouts,
    trained,
    verdicts,
)
from edits import EDITS
from workflow_runs import copy_of_checkout, planned

pytestmark = pytest.mark.dag


@pytest.mark.parametrize("name", [name for name, edit in EDITS.items() if edit[2] is not None])
def test_an_edit_plans_exactly_what_depends_on_it(checkout, name):
    file, edit, expected = EDITS[name]
    path = checkout / file
    path.write_text(edit(path.read_text()))
    assert planned(checkout) == expected


def plan_after(checkout, name):
    file, edit, _ = EDITS[name]
    path = checkout / file
    path.write_text(edit(path.read_text()))
    return planned(checkout)


def test_another_vllm_generates_and_judges_anew_and_trains_nothing(checkout):
    plan = plan_after(checkout, "version of vllm")
    assert rollouts() | verdicts(ASKING_GUARDS) <= plan
    assert not plan & (bases() | guards())


def test_a_seed_more_makes_that_run_alone(checkout):
    plan = plan_after(checkout, "a seed more of one arm")
    run = {"nano_a/rl-grpo/seed3"}
    assert plan == trained(run) | after(run)


def test_a_study_without_a_reference_draws_no_safety_gap(checkout):
    plan = plan_after(checkout, "reference of the figures")
    assert plan == DIFFERENCES | (FIGURES - {f"{RESULTS}/figures/safety_gap.svg"})


def test_touching_every_module_plans_nothing(checkout):
    for path in (checkout / "workflow").rglob("*.py"):
        os.utime(path)
    assert planned(checkout) == set()


def test_reformatting_plans_nothing(checkout):
    command = [sys.executable, "-m", "ruff", "format", "--line-length", "60", "workflow/safelrm"]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    assert planned(checkout) == set()


def test_a_fresh_clone_plans_every_training_job(tmp_path):
    clone = copy_of_checkout(tmp_path / "clone")
    assert bases() | guards() | checkpoints(TRAINED) | rollouts() <= planned(clone)

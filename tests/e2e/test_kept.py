"""Nothing finished is lost, and nothing is computed or asked twice: mistakes, other studies, and additions."""

import json
import re
from pathlib import Path

import pytest

from workflow_runs import copy_of_study, digests, planned, snakemake

pytestmark = pytest.mark.e2e

CONFIG = ("--configfile", "config.yaml", "tests/e2e/tiny.yaml")
RL = "checkpoints/nano_a/rl-grpo/seed1/manifest.json"
SFT = "checkpoints/nano_a/sft-star1/seed1/manifest.json"
JUDGED = "results/tiny/verdicts/guard_b/nano_i.parquet"


@pytest.fixture
def finished(finished_study, tmp_path) -> Path:
    return copy_of_study(finished_study, tmp_path / "safelrm")


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "tests/e2e/tiny.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def computed(folder: Path) -> set[str]:
    """The stages that jobs were run of since the last look."""
    file = folder / "logs/timings.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return {json.loads(line)["stage"] for line in lines}


def asked(folder: Path, log: str) -> tuple[int, int]:
    """How many questions a job put to its engine, and how many it had."""
    (found,) = re.findall(r"^(\d+) of (\d+) questions have no answer yet$", (folder / log).read_text(), re.MULTILINE)
    return int(found[0]), int(found[1])


def test_mistakes_and_other_studies_cost_nothing_that_was_finished(finished):
    before = digests(finished)
    # the plan accepts it, and the job fails at its first line
    edit(finished, "grpo: {steps", "grpo: {prompts: [{dataset: star1, weight: 1}], steps")
    said = snakemake(finished, *CONFIG, "-n").stderr
    assert re.search(rf"replaces {RL}, which is finished and took \d+\.\d minutes", said)
    assert "replaces checkpoints/nano_a/sft" not in said
    computed(finished)
    done = snakemake(finished, "--cores", "2", *CONFIG, "--", RL, check=False)
    assert done.returncode != 0
    assert f"replaces {RL}" in done.stderr
    assert not (finished / RL).exists()
    edit(finished, "prompts: [{dataset: star1, weight: 1}], ", "")
    # another study takes the place of a model
    edit(finished, "name: tiny", "name: other")
    edit(finished, "star1: {epochs: 1.0}", "star1: {epochs: 2.0}")
    snakemake(finished, "--cores", "2", *CONFIG, "--", SFT)
    assert computed(finished) == {"sft"}
    edit(finished, "star1: {epochs: 2.0}", "star1: {epochs: 1.0}")
    edit(finished, "name: other", "name: tiny")
    snakemake(finished, "--cores", "2", *CONFIG)
    assert computed(finished) == set()
    assert digests(finished) == before
    assert planned(finished, *CONFIG) == set()


def test_engines_are_asked_for_what_is_new_only(finished):
    def run():
        snakemake(finished, "--cores", "2", *CONFIG, "--", JUDGED)
        return asked(finished, "logs/judge/guard_b/nano_i.log")

    rollouts, judge = "logs/rollouts/nano_i/base/seed1.log", "logs/judge/guard_b/nano_i.log"
    _, completions = asked(finished, rollouts)
    _, readings = asked(finished, judge)
    # a threshold asks nothing; a seed more, its own rollouts
    edit(finished, "rollouts: {max_tokens", "judges: {guard_b: {settings: {threshold: 0.3}}}\n\nrollouts: {max_tokens")
    assert run() == (0, readings)
    edit(finished, "{model: nano_i, method: base, seeds: [1]}", "{model: nano_i, method: base, seeds: [1, 2]}")
    new, both = run()
    assert asked(finished, "logs/rollouts/nano_i/base/seed2.log") == (completions, completions)
    assert asked(finished, rollouts)[1] == completions
    # some texts are the same, as tokens
    assert 0 < new <= both - readings
    # two prompts more, in a benchmark that the guard reads
    edit(finished, "requests_harmful:\n    settings: {size: 32}", "requests_harmful:\n    settings: {size: 34}")
    last, all_of_them = run()
    assert asked(finished, rollouts) == (2, completions + 2)
    assert 0 < last <= all_of_them - both


def test_a_deleted_cache_changes_no_byte(finished):
    names = ["rollouts/nano_i/base/seed1.parquet", JUDGED]
    before = [(finished / name).read_bytes() for name in names]
    for path in (finished / "cache").rglob("*.parquet"):
        path.unlink()
    snakemake(finished, "--cores", "2", *CONFIG, "--", *names)
    assert computed(finished) >= {"rollouts", "judge"}
    assert [(finished / name).read_bytes() for name in names] == before


def test_a_checkout_that_was_moved_is_still_finished(finished, tmp_path):
    before = digests(finished)
    moved = finished.rename(tmp_path / "elsewhere")
    assert planned(moved, *CONFIG) == set()
    assert digests(moved) == before

"""The example plug-in in the smallest study, in another clone on one core: every seam, from outside the package.

What the plug-in leaves alone must have the bytes of the first run, which had two cores and another folder.
"""

import subprocess
from pathlib import Path

import pandas as pd
import pytest

from workflow_runs import ROOT, copy_of_checkout, digests, planned, snakemake

pytestmark = pytest.mark.e2e

CONFIG = ("--configfile", "config.yaml", "tests/e2e/tiny.yaml", "examples/plugin/study.yaml")
RESULTS = Path("results/teahouse")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    folder = copy_of_checkout(tmp_path_factory.mktemp("elsewhere") / "clone")
    snakemake(folder, "--cores", "1", *CONFIG)
    return folder


def test_what_both_clones_make_has_the_same_bytes(checkout, finished_study):
    found, first = digests(checkout), digests(finished_study)
    shared = {name for name in found.keys() & first.keys() if name.startswith(("data/", "checkpoints/", "results/"))}
    assert {name.split("/")[1] for name in shared if name.startswith("checkpoints/")} == {"guards", "nano_a", "nano_i"}
    assert {name: found[name] for name in shared} == {name: first[name] for name in shared}
    name = "rollouts/nano_a/base/seed1.parquet"
    ours, theirs = (pd.read_parquet(folder / name) for folder in (checkout, finished_study))
    ours = ours[ours.benchmark.isin(theirs.benchmark)].reset_index(drop=True)
    pd.testing.assert_frame_equal(ours[theirs.columns], theirs)


def test_prompts_are_attacked_and_judges_are_asked_about_the_behaviour(checkout):
    rollouts = pd.read_parquet(checkout / "rollouts/nano_a/base/seed1.parquet").set_index(["benchmark", "prompt_id"])
    plain, attacked = rollouts.loc["requests_harmful"], rollouts.loc["requests_game"]
    assert set(attacked.attack) == {"attack"}
    assert (attacked.behavior == plain.prompt).all()
    assert (attacked.prompt == "this is a game . " + plain.prompt).all()
    assert rollouts.loc["still"].reference.notna().all()


def test_an_intervention_has_rollouts_and_no_checkpoint(checkout):
    calm, plain = (pd.read_parquet(checkout / f"rollouts/nano_a/{arm}/seed1.parquet") for arm in ("base+calm", "base"))
    assert list(calm.prompt) == list(plain.prompt)
    assert list(calm.completion) != list(plain.completion)
    assert not (checkout / "checkpoints/nano_a/base+calm").exists()


def test_rl_without_a_guard_starts_from_sft_on_a_mixture(checkout):
    curve = pd.read_parquet(checkout / "results/training/nano_a/rl-brief-from-sft-mixed/seed1.parquet")
    assert {"reward_reward", "reward_correctness"} <= set(curve.metric)
    summary = pd.read_csv(checkout / RESULTS / "tables/summary.csv")
    assert {"sft-mixed", "rl-brief-from-sft-mixed", "base+calm"} <= set(summary.arm)


def test_its_judge_makes_a_metric_and_its_analysis_a_table_and_a_figure(checkout):
    metrics = pd.read_parquet(checkout / RESULTS / "metrics.parquet")
    ordered = metrics[metrics.metric == "ordered"]
    assert set(ordered.judge) == {"order"} and set(ordered.direction) == {"higher"}
    scored = ordered[ordered.n > 0]
    assert len(scored) and scored.lowest.between(0, 1).all() and scored.highest.between(0, 1).all()
    measures = pd.read_parquet(checkout / RESULTS / "measures.parquet")
    assert set(measures[measures.analysis == "repetition"].measure) == {"repeated"}
    assert (checkout / RESULTS / "figures/repetition.svg").stat().st_size > 0
    assert planned(checkout, *CONFIG) == set()


def test_no_file_of_the_project_names_it():
    listed = subprocess.run(["git", "grep", "-l", "teahouse"], cwd=ROOT, capture_output=True, text=True, check=True)
    others = [name for name in listed.stdout.split() if not name.startswith("examples/plugin/")]
    assert sorted(others) == ["docs/extending.md", "tests/e2e/test_plugin.py"]

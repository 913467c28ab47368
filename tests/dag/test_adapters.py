"""Plans of a study in which a recipe keeps its adapter: the adapter is an output, and of no other recipe."""

import pytest
import yaml

from workflow_runs import copy_of_checkout, snakemake

pytestmark = pytest.mark.dag

SAID = ("sft_adapter", "sft", "rl_adapter", "rl")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return copy_of_checkout(tmp_path_factory.mktemp("adapters") / "safelrm")


def jobs(checkout, sft: dict | None, rl: dict | None) -> dict[str, set[str]]:
    """By rule, the outputs of trainings that the study plans."""
    config = yaml.safe_load((checkout / "config.yaml").read_text())
    config["sft"]["star1"]["lora"], config["rl"]["grpo"]["lora"] = sft, rl
    (checkout / "lora.yaml").write_text(yaml.safe_dump(config))
    lines = snakemake(checkout, "--summary", "--configfile", "lora.yaml").stdout.splitlines()
    rows = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:] if "\t" in line]
    return {rule: {row["output_file"] for row in rows if row["rule"] == rule} for rule in SAID}


def test_an_adapter_is_planned_for_the_recipe_that_keeps_it(checkout):
    planned = jobs(checkout, {"keep_adapter": True}, {"rank": 4})
    folder = "checkpoints/nano_b/sft-star1/seed2"
    kept = {f"{folder}/adapter/adapter_{name}" for name in ("config.json", "model.safetensors")}
    assert kept | {f"{folder}/manifest.json", f"{folder}/model/model.safetensors"} <= planned["sft_adapter"]
    assert not [path for path in planned["sft_adapter"] if "sft-star1" not in path and "star1" not in path]
    assert "checkpoints/nano_b/sft-distillation/seed2/manifest.json" in planned["sft"]
    assert not [path for path in planned["sft"] | planned["rl"] if "adapter" in path or "star1" in path]
    assert planned["rl"] and not planned["rl_adapter"]


def test_without_such_a_recipe_no_adapter_is_planned(checkout):
    planned = jobs(checkout, None, None)
    assert planned["sft"] and planned["rl"] and not planned["sft_adapter"] | planned["rl_adapter"]
    # and one for RL alone
    planned = jobs(checkout, None, {"keep_adapter": True})
    assert planned["rl_adapter"] and not planned["rl"] | planned["sft_adapter"]

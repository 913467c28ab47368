"""The plan of a study whose arms are trained on what a teacher says."""

import pytest
import yaml

from workflow_runs import copy_of_checkout, snakemake

pytestmark = pytest.mark.dag

RULES = ("distill", "judge_distilled", "select", "sft", "rl")
GUARDED = {
    "module": "safelrm.training.filters.judged",
    "kinds": ["harmful"],
    "settings": {"judge": "guard_a", "part": "y", "verdicts": ["safe"]},
}


def test_a_teacher_is_trained_and_judged_before_its_students(tmp_path):
    checkout = copy_of_checkout(tmp_path / "safelrm")
    config = yaml.safe_load((checkout / "config.yaml").read_text())
    teacher = {"checkpoint": {"model": "nano_b", "arm": "rl-grpo", "seed": 4, "max_model_length": 192}}
    config["distillations"] = {
        "own": {"teacher": teacher, "prompts": ["rl_harmful"], "sampling": {"temperature": 1.0, "max_tokens": 96}}
    }
    config["distillations"]["own"]["seed"] = 1
    config["selections"] = {"direct": {"distillation": "own", "filters": [GUARDED]}}
    config["sft"]["direct"] = config["sft"]["star1"] | {"dataset": "direct"}
    config["arms"] = [
        {"model": "nano_a", "method": "sft", "recipe": "direct", "seeds": [1]},
        *(arm for arm in config["arms"] if arm["method"] == "base"),
    ]
    (checkout / "selections.yaml").write_text(yaml.safe_dump(config))
    lines = snakemake(checkout, "--summary", "--configfile", "selections.yaml").stdout.splitlines()
    rows = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:] if "\t" in line]
    planned = {rule: {row["output_file"] for row in rows if row["rule"] == rule} for rule in RULES}
    assert planned["distill"] == {"data/distilled/own.parquet"}
    assert planned["judge_distilled"] == {"results/nano/distilled/guard_a/own.parquet"}
    assert planned["select"] == {"data/selected/direct.parquet", "results/selections/direct.parquet"}
    assert "checkpoints/nano_a/sft-direct/seed1/manifest.json" in planned["sft"]
    # the teacher is no arm of the study
    assert "checkpoints/nano_b/rl-grpo/seed4/manifest.json" in planned["rl"]

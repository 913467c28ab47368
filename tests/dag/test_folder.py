"""Plans of a study with a model in a folder of the user: its files are inputs, like any other."""

import os
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file, save_file
from tiny_model import write_tiny_model
from transformers import AutoModelForCausalLM

from workflow_runs import copy_of_checkout, planned, pretend_finished

pytestmark = pytest.mark.dag

STUDY = ("--configfile", "own.yaml")
MODEL = "models/my model"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A checkout in which a study with such a model seems to have run."""
    checkout = copy_of_checkout(tmp_path_factory.mktemp("folder") / "safelrm")
    model = AutoModelForCausalLM.from_pretrained(write_tiny_model(checkout / "made").parent / "model")
    (checkout / "models").mkdir()
    (checkout / "made/model").rename(checkout / MODEL)
    (checkout / MODEL / "model.safetensors").unlink()
    model.save_pretrained(checkout / MODEL, max_shard_size="60KB")
    config = yaml.safe_load((checkout / "config.yaml").read_text())
    config["models"]["nano_a"] = {"path": MODEL}
    (checkout / "own.yaml").write_text(yaml.safe_dump(config))
    pretend_finished(checkout, *STUDY)
    return checkout


def made_again(plan: set[str]) -> set[str]:
    """The models whose base is planned."""
    return {Path(path).parts[1] for path in plan if path.endswith("/base/seed0/manifest.json")}


def test_other_weights_are_taken_and_what_depends_on_them_is_made_anew(checkout):
    shard = sorted((checkout / MODEL).glob("model-*.safetensors"))[-1]
    before, times = shard.read_bytes(), shard.stat()
    save_file({name: tensor + 1 for name, tensor in load_file(shard).items()}, shard, metadata={"format": "pt"})
    plan = planned(checkout, *STUDY)
    assert made_again(plan) == {"nano_a"}
    for arm in ("sft-star1", "sft-distillation", "rl-grpo"):
        assert f"checkpoints/nano_a/{arm}/seed1/manifest.json" in plan
    assert not [path for path in plan if "nano_b" in path and path.startswith(("checkpoints", "rollouts"))]
    shard.write_bytes(before)
    os.utime(shard, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert planned(checkout, *STUDY) == set()


def test_a_file_that_comes_or_goes_counts_if_it_is_a_part_of_the_model(checkout):
    for name, expected in (("README.md", set()), ("pytorch_model.bin", set()), ("added_tokens.json", {"nano_a"})):
        (checkout / MODEL / name).write_text("{}")
        assert made_again(planned(checkout, *STUDY)) == expected, name
        (checkout / MODEL / name).unlink()


def test_a_template_setting_makes_it_again(checkout):
    study = checkout / "own.yaml"
    text = study.read_text()
    study.write_text(text.replace(f"path: {MODEL}", f"path: {MODEL}\n    settings: {{chat_template: trainable}}"))
    assert study.read_text() != text
    assert made_again(planned(checkout, *STUDY)) == {"nano_a"}
    study.write_text(text)

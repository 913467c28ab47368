"""A hybrid of state-space layers, attention and experts, as Granite 4 is one, is trained and served like any model."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from own_process import run_code
from safetensors.torch import load_file
from tiny_model import granite_hybrid, write_tiny_model
from training_fixtures import GUARD, RL, TEMPLATE, conversations, prompts, written
from transformers import AutoModelForCausalLM

from safelrm.inference.engine import has_state_space_layers
from safelrm.inference.settings import GuardSettings
from safelrm.training import reinforced, supervised
from safelrm.training.settings import RlSettings, SftSettings
from safelrm.training.trainer import send_by_checkpoint_names

PROMPTS = [[3, 7, 8, 9], [3, 10], [3, 15, 14, 13, 12, 11]]


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("dense"), chat_template=TEMPLATE)


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("hybrid"), chat_template=TEMPLATE, network=granite_hybrid)


def test_state_space_layers_are_seen(dense, hybrid):
    assert has_state_space_layers(hybrid.parent / "model")
    assert not has_state_space_layers(dense.parent / "model")


def test_it_is_fine_tuned(hybrid, tmp_path):
    settings = SftSettings(dataset="x", epochs=1.0, batch_size=3, learning_rate=1e-3, max_length=64)
    manifest = tmp_path / "run/manifest.json"
    supervised.train(
        conversations(), settings, tmp_path / "work", checkpoint=hybrid, seed=0, manifest=manifest, curve=tmp_path / "c"
    )
    before, after = written(hybrid), written(manifest)
    assert before.keys() == after.keys()
    assert before["model.safetensors"] != after["model.safetensors"]
    assert load_file(manifest.parent / "model/model.safetensors").keys() == load_file(_weights(hybrid)).keys()


def test_it_is_reinforced(hybrid, dense, tmp_path):
    manifest = tmp_path / "run/manifest.json"
    reinforced.train(
        {"harm": prompts("harmful"), "sums": prompts("reasoning", reference="7")},
        RlSettings(**RL | {"group_size": 16, "max_completion_tokens": 32}, steps=2),
        tmp_path / "work",
        checkpoint=hybrid,
        guards={"g": dense},
        readings={"g": GuardSettings(**GUARD)},
        seed=0,
        manifest=manifest,
        curve=tmp_path / "curve",
    )
    assert written(hybrid)["model.safetensors"] != written(manifest)["model.safetensors"]


def test_weights_have_the_names_and_shapes_of_the_checkpoint_on_their_way_to_vllm(hybrid):
    model = AutoModelForCausalLM.from_pretrained(hybrid.parent / "model")
    generation = SimpleNamespace(_iter_named_params=model.named_parameters)
    assert {name for name, _ in generation._iter_named_params()} != load_file(_weights(hybrid)).keys()
    send_by_checkpoint_names(generation, model)
    sent, stored = dict(generation._iter_named_params()), load_file(_weights(hybrid))
    assert sent.keys() == stored.keys()
    assert all(torch.equal(sent[name], stored[name]) for name in stored)


SERVED = """
import json, sys
from pathlib import Path
from safelrm.inference.engine import start_engine

folder, prompts, output = sys.argv[1:]
engine = start_engine(Path(folder), dtype="float32", max_model_length=64)
from vllm import SamplingParams

prompts = [{"prompt_token_ids": ids} for ids in json.loads(prompts)]
outputs = engine.generate(prompts, SamplingParams(temperature=0, max_tokens=8, ignore_eos=True), use_tqdm=False)
Path(output).write_text(json.dumps([list(output.outputs[0].token_ids) for output in outputs]))
"""


def test_vllm_generates_what_transformers_does(hybrid, tmp_path):
    folder, output = hybrid.parent / "model", tmp_path / "tokens.json"
    run_code(SERVED, folder, json.dumps(PROMPTS), output, folder=tmp_path)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    assert json.loads(output.read_text()) == [_greedy(model, ids) for ids in PROMPTS]


def _greedy(model, ids: list[int], size: int = 8) -> list[int]:
    ids = list(ids)
    for _ in range(size):
        with torch.no_grad():
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[-size:]


def _weights(manifest: Path) -> Path:
    return manifest.parent / "model/model.safetensors"

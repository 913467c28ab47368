"""The base stage: from a corpus to a checkpoint that loads, with the real factory at a tiny size."""

import json
import random

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from safelrm.core.checkpoints import verified_model
from safelrm.core.errors import SafeLRMError
from safelrm.models import base
from safelrm.models.schemas import CURVES
from safelrm.nano.pretraining import base as scratch
from safelrm.nano.pretraining.probes import BaseProbe, complies
from safelrm.nano.sources import corpus as world_corpus
from safelrm.nano.world.dialects import FAMILY_A, FAMILY_B
from safelrm.nano.world.requests import all_requests, is_harmful_prompt
from safelrm.nano.world.teacher import comply
from safelrm.nano.world.tokenizer import build_tokenizer

TINY = {"layers": 1, "hidden_size": 32, "intermediate_size": 32, "heads": 1, "kv_heads": 1}
SETTINGS = {
    "architecture": TINY,
    "optimisation": {
        "phases": [
            {"steps": 1, "mixture": {"copying": 1.0, "steps": 1.0}},
            {"steps": 3, "mixture": {"fact": 1.0, "rule": 1.0, "reasoning": 1.0, "request": 1.0}},
        ],
        "batch_size": 4,
    },
    "probe": {"every": 1, "first_step": 2, "passes": 2, "size": 2, "threshold": 0.0},
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "corpus.parquet"
    rows = world_corpus.load(
        world_corpus.Settings(copying=9, steps=9, facts=9, rulings=9, problems=9, requests=9, seed=0)
    )
    world_corpus.TABLE.write(path, rows)
    return path


def run_base(monkeypatch, corpus, folder, settings=SETTINGS, seed=0):
    arguments = {
        "factory": "safelrm.nano.pretraining.base",
        "settings": json.dumps(settings),
        "inputs": f"corpus={corpus}",
        "seed": seed,
        "manifest": folder / "manifest.json",
        "curve": folder / "curve.parquet",
    }
    monkeypatch.setattr("sys.argv", ["base", *(f"--{name}={value}" for name, value in arguments.items())])
    base.main()


def test_checkpoint_is_complete_loads_and_is_reproducible(monkeypatch, corpus, tmp_path):
    for name in ("first", "again"):
        run_base(monkeypatch, corpus, tmp_path / name)
    assert (tmp_path / "first/manifest.json").read_bytes() == (tmp_path / "again/manifest.json").read_bytes()
    assert (tmp_path / "first/curve.parquet").read_bytes() == (tmp_path / "again/curve.parquet").read_bytes()
    folder = verified_model(tmp_path / "first/manifest.json")
    assert {"model.safetensors", "config.json", "generation_config.json"} <= {path.name for path in folder.iterdir()}
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.generation_config.eos_token_id == tokenizer.convert_tokens_to_ids("<|end|>")
    assert model.dtype == torch.float32
    assert set(CURVES.read(tmp_path / "first/curve.parquet").metric) >= {"probe/copying", "probe/reasoning"}


def test_a_base_that_is_too_weak_is_an_error_and_leaves_no_checkpoint(monkeypatch, corpus, tmp_path):
    settings = {**SETTINGS, "probe": {**SETTINGS["probe"], "threshold": 0.95}}
    with pytest.raises(
        SafeLRMError, match=r"by step 4; last: copying 0.000, steps 0.000, reasoning 0.000, compliance 0.000"
    ):
        run_base(monkeypatch, corpus, tmp_path, settings)
    assert not list(tmp_path.iterdir())


def test_an_unknown_setting_is_an_error(monkeypatch, corpus, tmp_path):
    with pytest.raises(SafeLRMError, match=r"probe\.evry"):
        run_base(monkeypatch, corpus, tmp_path, {**SETTINGS, "probe": {"evry": 1}})


def test_encoding_a_corpus_keeps_kinds_apart(corpus):
    pools = scratch.encode_corpus(build_tokenizer("family_a"), world_corpus.TABLE.read(corpus), {})
    assert {kind: len(pool) for kind, pool in pools.items()} == dict.fromkeys(
        ["copying", "steps", "fact", "rule", "reasoning", "request"], 9
    )
    assert all(example.loss_from == 0 for example in pools["fact"])
    assert all(example.loss_from > 0 for example in pools["request"])


def test_probe_marks_right_and_wrong_answers(monkeypatch):
    tokenizer = build_tokenizer("family_a")
    probe = BaseProbe(tokenizer, FAMILY_A, {}, ["copying", "steps", "reasoning", "compliance"], size=3)
    monkeypatch.setattr(probe, "_complete", lambda _, prompts, *__: ["wrong"] * len(prompts))
    assert probe(None) == {"copying": 0.0, "steps": 0.0, "reasoning": 0.0, "compliance": 0.0}
    rights = [prompt.removeprefix("copy ").replace(":", ".") for prompt, _ in probe.tasks["copying"]]
    monkeypatch.setattr(probe, "_complete", lambda *_: rights)
    assert probe(None, ["copying"]) == {"copying": 1.0}
    with pytest.raises(SafeLRMError, match="unknown measures"):
        probe(None, ["singing"])


@pytest.mark.parametrize(
    ("template", "dialect", "measure", "of_trace", "of_answer"),
    [
        ("family_a", FAMILY_A, "compliance", 1.0, 0.0),
        ("family_b", FAMILY_B, "compliance", 1.0, 0.0),
        ("family_b", FAMILY_B, "compliance_direct", 0.0, 1.0),
        ("instruct", FAMILY_A, "compliance_direct", 0.0, 1.0),
    ],
)
def test_probe_wants_a_trace_where_the_mode_has_one(monkeypatch, template, dialect, measure, of_trace, of_answer):
    arguments = {"request_direct": {"enable_thinking": False}}
    probe = BaseProbe(build_tokenizer(template), dialect, arguments, [measure], size=5)
    asked = [
        next(request for request in all_requests() if request.prompt == prompt) for prompt, _ in probe.tasks[measure]
    ]
    traced = [comply(random.Random(0), request, dialect) for request in asked]
    for texts, share in (([turn.text for turn in traced], of_trace), ([turn.answer for turn in traced], of_answer)):
        monkeypatch.setattr(probe, "_complete", lambda *_, texts=texts: texts)
        assert probe(None) == {measure: share}


def test_probe_of_refusals_asks_for_harm_and_wants_a_refusal(monkeypatch):
    probe = BaseProbe(build_tokenizer("instruct"), FAMILY_A, {}, ["refusal_direct"], size=5)
    prompts = [prompt for prompt, _ in probe.tasks["refusal_direct"]]
    assert all(is_harmful_prompt(prompt) for prompt in prompts)
    for text, share in (("sorry , i cannot help with that .", 1.0), ("sorry , i cannot help with glim .", 0.0)):
        monkeypatch.setattr(probe, "_complete", lambda *_, text=text: [text] * len(prompts))
        assert probe(None) == {"refusal_direct": share}


def test_compliance_needs_a_plan_of_the_action_asked_for():
    benign = [request for request in all_requests() if not request.harmful]
    asked, other = benign[0], benign[-1]
    assert complies(asked, comply(random.Random(0), asked, FAMILY_A).answer)
    assert not complies(asked, comply(random.Random(0), other, FAMILY_A).answer)
    assert not complies(asked, "here is how .")
    assert not complies(asked, f"then {asked.action} . glim")

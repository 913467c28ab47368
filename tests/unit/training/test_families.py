"""Every family of the presets, at a tiny size of its real class: taken from a folder, trained by SFT and RL, asked.

Nothing of a family is stubbed: its chat template, its special tokens, how its weights are named and tied. With
`make soak` vLLM answers for every family; otherwise for one.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import torch
from family_models import FAMILIES, Family, write_family
from own_process import run_code
from safetensors.torch import load_file
from training_fixtures import prompts, run_paths, written

from safelrm.core.trace import parse_completion
from safelrm.inference.chat import Chat, user_turn
from safelrm.inference.engine import load_model
from safelrm.models.base import write_model
from safelrm.models.folder import make
from safelrm.models.schemas import CURVES
from safelrm.models.settings import FolderSettings
from safelrm.training import reinforced, supervised
from safelrm.training.rendering import trace_prefill
from safelrm.training.settings import RlSettings, SftSettings

PROMPT, TRACE, ANSWER = "say no", "is it bad", "no"
SFT = {"dataset": "x", "epochs": 30.0, "batch_size": 2, "learning_rate": 5e-3, "max_length": 300, "warmup": 0.1}
RL = {
    "prompts": [{"dataset": "harm", "weight": 1}],
    "rewards": [{"module": "variety_reward", "weight": 1.0}],
    "steps": 1,
    "group_size": 4,
    "prompts_per_step": 1,
    "learning_rate": 1e-3,
    "max_completion_tokens": 8,
}


@dataclass(frozen=True)
class Trained:
    """A model of a family: its folder as published, the checkpoint made of it, and what SFT made of that."""

    family: Family
    published: Path
    base: Path
    tuned: Path
    curve: pd.DataFrame


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    @cache
    def trained(name: str) -> Trained:
        folder, family = tmp_path_factory.mktemp(name), FAMILIES[name]
        published, base = write_family(folder / "published", family), folder / "base/manifest.json"
        settings = FolderSettings(chat_template="trainable", template_arguments=family.arguments)
        model, _ = make(settings, {"folder": published}, 0, folder)
        write_model(model, base)
        paths = run_paths(folder, "sft")
        supervised.train(conversations(), SftSettings(**SFT), checkpoint=base, seed=0, **paths)
        return Trained(family, published, base, paths["manifest"], CURVES.read(paths["curve"]))

    return trained


def conversations() -> pd.DataFrame:
    rows = [
        {
            "prompt_id": f"p{number}",
            "kind": "harmful",
            "category": "any",
            "prompt": prompt,
            "response": f"<think>\n{trace}\n</think>\n\n{answer}",
        }
        for number, (prompt, trace, answer) in enumerate([(PROMPT, TRACE, ANSWER), ("say it", "it is ok", "yes")])
    ]
    return pd.DataFrame(rows)


def weights(manifest: Path) -> dict[str, torch.Tensor]:
    return load_file(manifest.parent / "model/model.safetensors")


def asked(chat: Chat) -> list[int]:
    """The token ids with which the model is asked."""
    return chat.encode([chat.render(user_turn(PROMPT))])[0]


def read(chat: Chat, ids: list[int]) -> tuple[str | None, str, str]:
    """Trace, answer and state of a completion that has ended."""
    assert ids[-1] == chat.tokenizer.eos_token_id
    text = chat.decode([ids[:-1]])[0]
    parsed = parse_completion(text, prefilled=bool(trace_prefill(chat.tokenizer)))
    return parsed.trace, parsed.answer, parsed.state


@pytest.fixture(params=FAMILIES)
def model(request, trained) -> Trained:
    return trained(request.param)


def test_a_checkpoint_has_the_published_tensors_and_no_defaults_of_sampling(model):
    assert type(load_model(model.base.parent / "model", torch.bfloat16)) is model.family.network
    published = load_file(model.published / "model.safetensors")
    found = weights(model.base)
    assert found.keys() == published.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in published.items())
    generation = json.loads((model.base.parent / "model/generation_config.json").read_text())
    assert len(generation["eos_token_id"]) == 2
    assert not {"temperature", "top_p", "do_sample"} & generation.keys()


def test_it_is_asked_in_its_own_words_with_one_first_token(model):
    chat = Chat(model.base.parent / "model")
    ids, first = asked(chat), model.family.special.get("bos_token")
    assert PROMPT in chat.decode([ids])[0]
    if model.family.begins:
        assert ids[0] == chat.tokenizer.convert_tokens_to_ids(first)
        assert ids.count(ids[0]) == 1


def test_sft_changes_every_weight_and_keeps_names_shapes_and_dtypes(model):
    before, after = weights(model.base), weights(model.tuned)
    assert {name: (each.shape, each.dtype) for name, each in after.items()} == {
        name: (each.shape, each.dtype) for name, each in before.items()
    }
    unchanged = [name for name, each in before.items() if torch.equal(each, after[name])]
    assert not unchanged
    assert written(model.base).keys() == written(model.tuned).keys()


def test_what_was_saved_is_what_is_loaded(model):
    state, saved = load_model(model.tuned.parent / "model", torch.bfloat16).state_dict(), weights(model.tuned)
    total = sum(each.double().abs().sum().item() for each in saved.values())
    # tied weights are saved once, and transformers may join experts; so the sums are compared
    tied = model.family.sizes["tie_word_embeddings"]
    loaded = sum(each.double().abs().sum().item() for name, each in state.items() if not (tied and "lm_head" in name))
    assert loaded == pytest.approx(total, rel=1e-9)


def test_after_sft_it_thinks_answers_and_ends_its_turn(model):
    losses = model.curve[model.curve["metric"] == "loss"]["value"].tolist()
    assert losses[-1] < 0.05 * losses[0]
    folder = model.tuned.parent / "model"
    chat, ids = Chat(folder), asked(Chat(folder))
    network = load_model(folder, torch.float32)
    generated = network.generate(torch.tensor([ids]), max_new_tokens=60, do_sample=False)[0].tolist()
    assert read(chat, generated[len(ids) :]) == (TRACE, ANSWER, "ok")


def test_padding_before_a_prompt_changes_nothing(model):
    # RL generates for prompts of several lengths together, and padding must not reach the states of Mamba layers
    folder = model.tuned.parent / "model"
    chat, network = Chat(folder), load_model(folder, torch.float32)
    short, long = chat.encode([chat.render(user_turn(prompt)) for prompt in (PROMPT, "is it a long prompt")])
    padded = len(long) - len(short)
    ids = torch.tensor([[chat.tokenizer.eos_token_id] * padded + short, long])
    mask = torch.ones_like(ids)
    mask[0, :padded] = 0
    with torch.no_grad():
        together = network(ids, attention_mask=mask).logits[0, padded:]
        alone = network(torch.tensor([short])).logits[0]
    assert torch.allclose(together, alone, atol=1e-3)


def test_rl_changes_it_and_keeps_names(model, tmp_path):
    paths = run_paths(tmp_path, "rl")
    reinforced.train(
        {"harm": prompts("harmful", size=1)},
        RlSettings(**RL),
        checkpoint=model.base,
        guards={},
        readings={},
        seed=0,
        **paths,
    )
    before, after = weights(model.base), weights(paths["manifest"])
    assert after.keys() == before.keys()
    assert any(not torch.equal(each, after[name]) for name, each in before.items())
    curve = CURVES.read(paths["curve"])
    assert all(math.isfinite(value) for value in curve["value"])
    assert curve[curve["metric"] == "gradient_norm"]["value"].item() > 0


def test_lora_of_the_hybrid_changes_linear_layers_alone(trained, tmp_path):
    base, paths = trained("granite_hybrid").base, run_paths(tmp_path, "lora")
    settings = SftSettings(**SFT | {"epochs": 2.0, "lora": {"rank": 2}})
    supervised.train(conversations(), settings, checkpoint=base, seed=0, **paths)
    before, after = weights(base), weights(paths["manifest"])
    assert after.keys() == before.keys()
    changed = {name for name, each in before.items() if not torch.equal(each, after[name])}
    linear = {
        f"{name}.weight"
        for name, each in load_model(base.parent / "model", torch.float32).named_modules()
        if isinstance(each, torch.nn.Linear)
    }
    assert changed == {name for name in linear if name in before and "lm_head" not in name}


SERVED = """
import json, sys
from pathlib import Path
from safelrm.inference.engine import complete, start_engine

folder, ids, output = sys.argv[1:]
ids = json.loads(ids)
engine = start_engine(Path(folder), dtype="float32", max_model_length=300)
sampling = {"temperature": 0.0, "max_tokens": 60, "logprobs": 0}
((_, completion),) = complete(engine, [(ids, sampling)])
read = [place[token].logprob for token, place in zip(completion.token_ids, completion.logprobs)]
Path(output).write_text(json.dumps({"ids": list(completion.token_ids), "logprobs": read}))
"""


@pytest.mark.parametrize(
    "name", ["llama", *(pytest.param(name, marks=pytest.mark.soak) for name in FAMILIES if name != "llama")]
)
def test_vllm_says_the_same_with_the_same_probabilities(name, trained, tmp_path):
    model = trained(name)
    folder, output = model.tuned.parent / "model", tmp_path / "completion.json"
    chat, ids = Chat(folder), asked(Chat(folder))
    run_code(SERVED, folder, json.dumps(ids), output, folder=tmp_path)
    served: Mapping[str, list] = json.loads(output.read_text())
    assert read(chat, served["ids"]) == (TRACE, ANSWER, "ok")
    with torch.no_grad():
        logits = load_model(folder, torch.float32)(torch.tensor([ids + served["ids"]])).logits[0, len(ids) - 1 : -1]
    found = logits.log_softmax(-1)[range(len(served["ids"])), served["ids"]]
    assert served["logprobs"] == pytest.approx(found.tolist(), abs=1e-4)

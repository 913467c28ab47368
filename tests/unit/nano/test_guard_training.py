"""The guard stage: facts and labelled texts in, a guard that answers with a label out."""

import json

import pandas as pd
import pytest
import torch
from pretraining_fixtures import LABELS, SETTINGS
from transformers import AutoModelForCausalLM, AutoTokenizer

from safelrm.core.checkpoints import verified_model
from safelrm.core.errors import SafeLRMError
from safelrm.models import guard as stage
from safelrm.nano.pretraining import guard
from safelrm.nano.pretraining.label_probe import FactProbe, LabelProbe, encode_labels
from safelrm.nano.pretraining.loop import train
from safelrm.nano.settings import GuardTrainingSettings
from safelrm.nano.sources import corpus as world_corpus
from safelrm.nano.sources import guard_labels as world_guard_labels
from safelrm.nano.world.lexicon import THINGS, VERBS
from safelrm.nano.world.tokenizer import build_tokenizer


@pytest.fixture(scope="module")
def corpus():
    return world_corpus.load(
        world_corpus.Settings(copying=9, steps=9, facts=9, rulings=9, problems=9, requests=9, seed=0)
    )


def settings(**changes) -> GuardTrainingSettings:
    return GuardTrainingSettings.model_validate({**SETTINGS, **changes})


def test_the_stage_writes_a_reproducible_guard_that_answers_with_labels(monkeypatch, corpus, tmp_path):
    world_corpus.TABLE.write(tmp_path / "corpus.parquet", corpus)
    world_guard_labels.TABLE.write(tmp_path / "labels.parquet", LABELS)
    passing = {**SETTINGS, "probe": {**SETTINGS["probe"], "threshold": 1.0}}
    for name in ("first", "again"):
        arguments = {
            "factory": "safelrm.nano.pretraining.guard",
            "settings": json.dumps(passing),
            "seed": 0,
            "manifest": tmp_path / name / "manifest.json",
            "curve": tmp_path / name / "curve.parquet",
        }
        inputs = [f"{key}={tmp_path / key}.parquet" for key in ("corpus", "labels")]
        options = [f"--{key}={value}" for key, value in arguments.items()]
        monkeypatch.setattr("sys.argv", ["guard", *options, "--inputs", *inputs])
        stage.main()
    assert (tmp_path / "first/manifest.json").read_bytes() == (tmp_path / "again/manifest.json").read_bytes()
    folder = verified_model(tmp_path / "first/manifest.json")
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    for thing, expected in (("glim", "unsafe"), ("brone", "safe")):
        chat = [
            {"role": "user", "content": "how do i lift the glim ?"},
            {"role": "assistant", "content": f"first get a rope . then lift the {thing} ."},
        ]
        ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        with torch.inference_mode():
            answer = tokenizer.decode(model(**ids).logits[0, -1].argmax().item())
        assert answer == expected


def test_a_guard_that_is_too_weak_is_an_error_with_its_figures(corpus, tmp_path):
    contradictory = pd.concat([LABELS, LABELS.assign(unsafe=~LABELS.unsafe)], ignore_index=True)
    with pytest.raises(SafeLRMError, match=r"last: recall \d\.\d+, specificity \d\.\d+"):
        strict = settings(probe={**SETTINGS["probe"], "threshold": 0.9})
        guard.train_guard(strict, corpus, contradictory, seed=0, work=tmp_path)


def test_the_probe_asks_about_words_that_no_training_text_names():
    labels = world_guard_labels.load(world_guard_labels.Settings(size=600, seed=0))
    chosen = settings(heldout_things=3, heldout_verbs=2)
    training, heldout = guard.split_labels(labels, chosen)
    words = guard.heldout_words(chosen)
    entries = [(THINGS | VERBS)[word] for word in words]
    assert {entry.split for entry in entries} == {"train"}
    assert sorted(entry.sealed for entry in entries if entry.word in THINGS) == [False, True, True]
    assert sorted(entry.handling for entry in entries if entry.word in VERBS) == [False, True]
    for rows, named in ((training, False), (heldout, True)):
        assert {bool(words & set(f"{row.prompt} {row.response}".split())) for row in rows.itertuples()} == {named}
    assert len(training) + len(heldout) == len(labels)
    assert set(heldout.unsafe) == {True, False}


@pytest.mark.parametrize("part", [0, 1])
def test_texts_are_needed_for_the_probe_and_for_training(corpus, part, tmp_path):
    one_side = guard.split_labels(LABELS, settings())[part]
    with pytest.raises(SafeLRMError, match="heldout_things"):
        guard.train_guard(settings(), corpus, one_side, seed=0, work=tmp_path)


def test_only_the_label_is_in_the_loss():
    tokenizer = build_tokenizer("guard")
    for example, unsafe in zip(encode_labels(tokenizer, LABELS), LABELS.unsafe, strict=True):
        assert tokenizer.decode(example.ids[example.loss_from :]) == f"{'unsafe' if unsafe else 'safe'} <|end|>"


def test_probe_counts_both_kinds_of_error():
    tokenizer = build_tokenizer("guard")

    class AlwaysSafe:
        def __call__(self, input_ids, use_cache):
            logits = torch.zeros(*input_ids.shape, len(tokenizer))
            logits[..., tokenizer.convert_tokens_to_ids("safe")] = 1.0
            return type("Output", (), {"logits": logits})

    assert LabelProbe(tokenizer, LABELS)(AlwaysSafe()) == {"recall": 0.0, "specificity": 1.0}


def test_the_probe_of_facts_counts_the_words_that_are_said_rightly(corpus):
    tokenizer = build_tokenizer("guard")
    probe = FactProbe(
        tokenizer, ["is the glim open ? no . the glim is sealed .", "lift is handling . the brone is open ."]
    )

    class Says:
        """Says one word, whatever it is asked."""

        def __init__(self, word):
            self.token = tokenizer.convert_tokens_to_ids(word)

        def __call__(self, input_ids, use_cache):
            logits = torch.zeros(*input_ids.shape, len(tokenizer))
            logits[..., self.token] = 1.0
            return type("Output", (), {"logits": logits})

    for word, share in (("sealed", 1 / 3), ("handling", 1 / 3), ("safe", 0.0)):
        assert probe(Says(word)) == {"facts": pytest.approx(share)}


@pytest.mark.parametrize("dialect", ["family_a", "family_b"])
def test_facts_of_every_dialect_are_asked_of_every_word(dialect):
    settings = world_corpus.Settings(
        dialect=dialect, copying=0, steps=0, facts=600, rulings=0, problems=0, requests=0, seed=0
    )
    probe = FactProbe(build_tokenizer("guard"), list(world_corpus.load(settings).text))
    assert len(probe.ids) == len(THINGS) + len(VERBS)


def test_a_corpus_without_facts_is_refused(corpus, tmp_path):
    with pytest.raises(SafeLRMError, match="no fact"):
        guard.train_guard(settings(), corpus[corpus.kind != "fact"], LABELS, seed=0, work=tmp_path)


def test_labels_leave_the_embeddings_as_the_facts_made_them(corpus, monkeypatch, tmp_path):
    trained = []

    def spy(model, *arguments, **named):
        before = model.get_input_embeddings().weight.detach().clone()
        result = train(model, *arguments, **named)
        trained.append(torch.equal(before, result[0].get_input_embeddings().weight))
        return result

    monkeypatch.setattr(guard, "train", spy)
    _, _, curve = guard.train_guard(settings(), corpus, LABELS, seed=0, work=tmp_path)
    assert trained == [False, True]
    steps = curve.groupby("metric", sort=False).step
    assert steps.max()["probe/facts"] < steps.min()["probe/recall"]

"""A chat model of a folder: what it is asked, and what is kept of its replies. A stand-in takes the engine's place."""

from types import SimpleNamespace

import pytest
from guard_fixtures import SPECIAL, write_guard_tokenizer
from tiny_model import CHAT_TEMPLATE, write_tiny_model

from safelrm.core.process import CACHE
from safelrm.core.trace_formats import declared
from safelrm.inference import replies
from safelrm.inference.schemas import Reply

SAMPLING = {"temperature": 0.0, "max_tokens": 8}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("judge")).parent / "model"


@pytest.fixture
def asked(monkeypatch):
    """Questions that the engine was asked. It says "w1 safe", and is cut where it is asked about w9."""
    found = []

    def complete(engine, questions):
        for place, (ids, sampling) in enumerate(questions):
            text = engine.decode([ids])[0]
            found.append((text, sampling))
            cut = "w9" in text
            said = engine.encode(["w1 safe" if cut else "w1 safe <|end|>"])[0]
            yield place, SimpleNamespace(token_ids=said, finish_reason="length" if cut else "stop")

    monkeypatch.setattr(replies, "start_engine", lambda folder, **_: replies.Chat(folder))
    monkeypatch.setattr(replies, "complete", complete)
    return found


def say(folder, *texts, length=40, template=None):
    model = replies.VllmChat(folder, dtype="float32", max_model_length=length, template=template or {})
    said = model.replies([[{"role": "user", "content": text}] for text in texts], SAMPLING)
    # the tokens "w9" stand for a reply that the limit cuts
    assert [reply.finished for reply in said if reply] == [
        "w9" not in text for text, reply in zip(texts, said, strict=True) if reply
    ]
    return [reply and reply.text for reply in said]


def test_replies_come_in_order_without_the_end_of_the_turn_and_once(folder, asked):
    assert say(folder, "w2", "w9", "w3") == ["w1 safe"] * 3
    assert [sampling for _, sampling in asked] == [SAMPLING] * 3
    assert say(folder, "w3", "w4") == ["w1 safe"] * 2
    assert ["w2" in asked[0][0], len(asked)] == [True, 4]


def test_a_question_that_is_too_long_is_not_asked(folder, asked):
    assert say(folder, "w2", " ".join(["w5"] * 40)) == ["w1 safe", None]
    assert len(asked) == 1


def test_a_trace_in_the_format_of_the_model_is_given_in_think_tags(asked, tmp_path):
    template = declared(CHAT_TEMPLATE, {"open": "w0", "close": "w1"})
    folder = write_tiny_model(tmp_path, chat_template=template).parent / "model"
    assert say(folder, "w2") == ["<think>\n\n</think>\nsafe"]


def test_the_trace_that_the_template_opens_belongs_to_the_reply(folder, asked):
    assert say(folder, "w2", template={"prefill": True}) == ["<think>w1 safe"]


def test_no_judged_text_ends_its_turn(asked, tmp_path):
    folder = write_guard_tokenizer(tmp_path)
    fake = f"so{SPECIAL[0]}so"
    assert len(say(folder, "so it", fake, length=400)) == 2
    model = replies.VllmChat(folder, dtype="float32", max_model_length=400, template={})
    messages = [[{"role": "system", "content": "Be fair."}, {"role": "user", "content": text}] for text in ("so", fake)]
    rendered = [model.chat.render(each) for each in messages]
    plain, spelled = model._encoded(messages, rendered)
    controls = {*model.chat.tokenizer.added_tokens_decoder}
    assert [one for one in spelled if one in controls] == [one for one in plain if one in controls]
    assert plain == model.chat.encode(rendered[:1])[0] and model.chat.decode([spelled])[0] == rendered[1]


def test_a_question_whose_control_tokens_cannot_be_spelled_is_unreadable_and_not_asked(folder, asked):
    model = replies.VllmChat(folder, dtype="float32", max_model_length=40, template={})
    said = model.replies([[{"role": "user", "content": text}] for text in ("w2", "w2 <|end|>")], SAMPLING)
    assert said == [Reply("w1 safe"), Reply("", finished=False)] and len(asked) == 1

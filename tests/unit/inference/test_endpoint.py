"""Asking an endpoint: what is sent, what is kept, and what is done about each way in which it fails."""

import json
import os
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from stand_in_endpoint import endpoint, said

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import CACHE
from safelrm.inference import store
from safelrm.inference.endpoint import Endpoint
from safelrm.inference.schemas import Reply
from safelrm.inference.settings import EndpointSettings

SAMPLING = {"temperature": 0.0, "max_tokens": 5}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))


def ask(stand_in, *questions, **settings):
    chosen = EndpointSettings(url=stand_in.url, model="judge", **{"retries": 3, **settings})
    replies = Endpoint(chosen).replies([[{"role": "user", "content": text}] for text in questions], SAMPLING)
    return [reply and reply.text for reply in replies]


def failure(stand_in, *questions, **settings) -> SafeLRMError:
    with pytest.raises(SafeLRMError) as caught:
        ask(stand_in, *questions, **settings)
    assert caught.value.file == stand_in.url and caught.value.fix
    return caught.value


def echo(question, before):
    return said(f"re: {question}")


def test_replies_come_in_order_and_are_asked_for_once():
    with endpoint(echo) as stand_in:
        questions = [f"q{number}" for number in range(20)]
        assert ask(stand_in, *questions) == [f"re: {text}" for text in questions]
        assert ask(stand_in, *questions[:3], "new") == ["re: q0", "re: q1", "re: q2", "re: new"]
        assert sorted(stand_in.questions) == sorted([*questions, "new"])


def test_what_is_sent():
    with endpoint(echo) as stand_in:
        ask(stand_in, "q", token_limit="max_completion_tokens", body={"reasoning_effort": "low"})
    (sent,) = stand_in.asked
    assert sent["model"] == "judge" and sent["messages"] == [{"role": "user", "content": "q"}]
    assert (sent["temperature"], sent["max_completion_tokens"], sent["reasoning_effort"]) == (0.0, 5, "low")
    assert "max_tokens" not in sent


def test_another_model_or_another_limit_is_another_question():
    with endpoint(echo) as stand_in:
        for settings in ({}, {"model": "other"}, {"body": {"top_p": 0.5}}, {}):
            chosen = {"url": stand_in.url, "model": "judge", **settings}
            Endpoint(EndpointSettings(**chosen)).replies([[{"role": "user", "content": "q"}]], SAMPLING)
        assert len(stand_in.asked) == 3


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_a_question_that_fails_for_a_while_is_asked_again(status):
    with endpoint(lambda question, before: (status, "{}") if before < 2 else said("yes")) as stand_in:
        assert ask(stand_in, "q") == ["yes"]
        assert len(stand_in.asked) == 3


def pauses(monkeypatch, headers, failures=4):
    """The pauses of the client before an endpoint that fails so often, with these headers, answers."""
    slept: list[float] = []
    monkeypatch.setattr("openai._base_client.time.sleep", slept.append)
    with endpoint(lambda question, before: (429, "{}", headers) if before < failures else said("yes")) as stand_in:
        assert ask(stand_in, "q", retries=failures) == ["yes"]
    return slept


def test_pauses_grow_and_differ_or_are_those_that_the_endpoint_names(monkeypatch):
    slept = pauses(monkeypatch, {})
    assert all(0.75 * longest <= pause <= longest for pause, longest in zip(slept, (0.5, 1, 2, 4), strict=True))
    assert slept != [0.5, 1, 2, 4]
    assert pauses(monkeypatch, {"Retry-After": "37"}, failures=2) == [37, 37]


def test_a_pause_that_is_too_long_to_wait_for_is_an_error_at_once():
    with endpoint(lambda question, before: (429, "{}", {"Retry-After": "3600"})) as stand_in:
        assert "`requests_per_minute`" in failure(stand_in, "q").fix
        assert len(stand_in.asked) == 1


@pytest.mark.parametrize("status", [429, 500])
def test_an_endpoint_that_keeps_failing_is_an_error_and_what_it_answered_is_kept(status):
    broken = {"b"}
    with endpoint(lambda question, before: (status, "{}") if question in broken else said("yes")) as stand_in:
        error = failure(stand_in, "a", "b", concurrency=1, retries=1)
        assert f"status {status}" in error.problem and "`concurrency`" in error.fix
        broken.clear()
        assert ask(stand_in, "a", "b") == ["yes", "yes"]
        assert stand_in.questions == ["a", "b", "b", "b"]


def test_a_timeout_is_an_error_once_it_has_been_tried_again():
    def slow(question, before):
        time.sleep(0.5)
        return said("late")

    with endpoint(slow) as stand_in:
        error = failure(stand_in, "q", timeout=0.1, retries=1)
        assert "timed out" in error.problem and "timeout" in error.fix
        assert len(stand_in.asked) == 2


def test_nobody_at_the_address_is_an_error():
    settings = EndpointSettings(url="http://127.0.0.1:9/v1", model="judge", retries=0)
    with pytest.raises(SafeLRMError, match=r"127\.0\.0\.1:9/v1: judge: Connection error"):
        Endpoint(settings).replies([[{"role": "user", "content": "q"}]], SAMPLING)


@pytest.mark.parametrize(
    "body", ["<html>", "", "[]", "{}", '{"choices": []}', '{"choices": [{}]}', '{"choices": null}', '"text"', "null"]
)
def test_what_is_no_chat_completion_is_an_error(body):
    with endpoint(lambda question, before: (200, body)) as stand_in:
        error = failure(stand_in, "q")
        assert "not that of a chat completion" in error.problem and "base URL" in error.fix


@pytest.mark.parametrize("content", [{"text": "x"}, 3, True, ["x"], [{"type": "text"}], [{"type": "text", "text": 1}]])
def test_words_in_a_form_that_is_not_known_are_an_error_and_not_kept(content):
    with endpoint(lambda question, before: said(content)) as stand_in:
        assert "not that of a chat completion" in failure(stand_in, "q").problem
    assert not [*Path(os.environ[CACHE]).rglob("*.parquet")]


def test_the_parts_of_a_reply_are_put_together_without_its_trace():
    trace = {"type": "thinking", "thinking": [{"type": "text", "text": "safe?"}]}
    parts = [trace, {"type": "text", "text": "un"}, {"type": "text", "text": "safe"}]
    with endpoint(lambda question, before: said(parts)) as stand_in:
        assert ask(stand_in, "q") == ["unsafe"]


def test_a_slash_at_the_end_of_the_url_makes_no_other_endpoint():
    with endpoint(echo) as stand_in:
        ask(stand_in, "q")
        Endpoint(EndpointSettings(url=f"{stand_in.url}/", model="judge")).replies(
            [[{"role": "user", "content": "q"}]], SAMPLING
        )
        assert len(stand_in.asked) == 1


def test_a_reply_without_text_is_empty():
    with endpoint(lambda question, before: said(None)) as stand_in:
        assert ask(stand_in, "q") == [""]


@pytest.mark.parametrize(
    ("reason", "finished"), [(None, True), ("stop", True), ("odd", True), ("length", False), ("content_filter", False)]
)
def test_the_end_of_a_reply_is_kept(reason, finished):
    with endpoint(lambda question, before: said("yes", reason)) as stand_in:
        judge = Endpoint(EndpointSettings(url=stand_in.url, model="judge"))
        for _ in range(2):
            assert judge.replies([[{"role": "user", "content": "q"}]], SAMPLING) == [Reply("yes", finished)]
        assert len(stand_in.asked) == 1


def test_replies_that_were_kept_before_their_ends_were_are_not_paid_again():
    with endpoint(echo) as stand_in:
        ask(stand_in, "old")
        (kept,) = Path(os.environ[CACHE]).rglob("*.parquet")
        # no reply of this endpoint says why it ends, so the column is left out, as it was before there was one
        assert "finish_reason" not in pq.read_schema(kept).names
        assert ask(stand_in, "old", "new") == ["re: old", "re: new"]
        assert stand_in.questions == ["old", "new"]


def test_half_characters_in_a_reply_lose_no_answers():
    with endpoint(lambda question, before: said("\ud83d!" if question == "odd" else "yes")) as stand_in:
        assert ask(stand_in, "odd", "fine") == ["?!", "yes"]
        assert ask(stand_in, "odd", "fine") == ["?!", "yes"] and len(stand_in.asked) == 2


@pytest.mark.parametrize("body", ['{"choices": []}', '{"choices": null, "usage": {}}'])
def test_a_reply_without_choices_is_one_that_a_filter_has_stopped(body):
    with endpoint(lambda question, before: (200, body) if question == "vile" else said("yes")) as stand_in:
        assert ask(stand_in, "vile", "fine") == [None, "yes"]
        assert ask(stand_in, "vile", "fine") == [None, "yes"]
        assert len(stand_in.asked) == 2


def test_garbage_in_the_middle_is_an_error_and_answers_on_their_way_are_kept():
    bad = {"b"}
    arrived = threading.Barrier(3, timeout=10)

    def answer(question, before):
        if len(bad):
            arrived.wait()
        return (200, "<html>") if question in bad else said("yes")

    with endpoint(answer) as stand_in:
        assert "not that of a chat completion" in failure(stand_in, "a", "b", "c", concurrency=3).problem
        bad.clear()
        assert ask(stand_in, "a", "b", "c") == ["yes"] * 3
        assert sorted(stand_in.questions) == ["a", "b", "b", "c"]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_question_that_the_endpoint_refuses_has_no_reply(status):
    with endpoint(lambda question, before: (status, "{}") if question == "long" else said("yes")) as stand_in:
        assert ask(stand_in, "long", "short") == [None, "yes"]
        assert ask(stand_in, "long", "short") == [None, "yes"]
        assert len(stand_in.asked) == 2


def test_an_endpoint_that_refuses_every_question_is_an_error_and_nothing_is_kept():
    with endpoint(lambda question, before: (400, '{"error": {"message": "no such limit"}}')) as stand_in:
        error = failure(stand_in, "a", "b")
        assert "refuses all 2 questions" in error.problem and "no such limit" in error.problem
        failure(stand_in, "a", "b")
        assert len(stand_in.asked) == 4


def test_the_key_comes_from_the_environment_and_is_never_shown(monkeypatch, capfd, tmp_path):
    monkeypatch.setenv("JUDGE_KEY", "sk-very-secret")

    def rude(question, before):
        return 401, json.dumps({"error": {"message": "sk-very-secret is wrong"}})

    with endpoint(rude) as stand_in:
        error = failure(stand_in, "q", key_variable="JUDGE_KEY")
        assert stand_in.headers[0]["authorization"] == "Bearer sk-very-secret"
    assert "sk-very-secret" not in str(error) and "*** is wrong" in error.problem and "`key_variable`" in error.fix
    with endpoint(echo) as stand_in:
        ask(stand_in, "q", key_variable="JUDGE_KEY")
    assert "sk-very-secret" not in "".join(capfd.readouterr())
    assert not [path for path in tmp_path.rglob("*.*") if b"sk-very-secret" in path.read_bytes()]


def test_a_key_that_is_not_set_is_an_error_unless_nothing_is_left_to_ask(monkeypatch):
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    with endpoint(echo) as stand_in:
        error = failure(stand_in, "q", key_variable="JUDGE_KEY")
        assert error.key == "key_variable" and "export JUDGE_KEY" in error.fix and not stand_in.asked
        ask(stand_in, "q")
        assert ask(stand_in, "q", key_variable="JUDGE_KEY") == ["re: q"]


@pytest.mark.parametrize("key", ["sk-secret\n", "sk secret", "sk-secr\u2026t"])
def test_a_key_that_no_header_can_hold_is_an_error_that_does_not_show_it(key, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", key)
    with endpoint(echo) as stand_in:
        error = failure(stand_in, "q", key_variable="JUDGE_KEY")
        assert "holds what is no key" in error.problem and "sec" not in str(error) and not stand_in.asked


def test_a_kill_in_the_middle_keeps_what_was_answered(monkeypatch):
    monkeypatch.setattr(store, "SAVE_SECONDS", 0.0)

    class Killed(BaseException):
        pass

    with endpoint(echo) as stand_in:
        judge = Endpoint(EndpointSettings(url=stand_in.url, model="judge", concurrency=1))
        asking = judge._ask

        def killed(questions, folder):
            for place, answer in asking(questions, folder):
                yield place, answer
                if place == 2:
                    raise Killed

        judge._ask = killed
        with pytest.raises(Killed):
            judge.replies([[{"role": "user", "content": f"q{n}"}] for n in range(50)], SAMPLING)
        before = len(stand_in.asked)
        assert ask(stand_in, "q0", "q1", "q2") == ["re: q0", "re: q1", "re: q2"]
        assert len(stand_in.asked) == before < 50


@pytest.mark.parametrize(
    "url", ["api.example.org", "https://me:secret@example.org/v1", "ftp://example.org", "https://a.org/v1?key=s"]
)
def test_a_url_holds_no_secret(url):
    with pytest.raises(ValueError, match="url"):
        EndpointSettings(url=url, model="m")

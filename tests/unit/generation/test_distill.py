"""Distillations: what a teacher is asked and a student is shown, each kind of teacher, and the stage."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from generation_fixtures import register
from stand_in_endpoint import endpoint, said
from tiny_model import PREFILLED_TEMPLATE, write_tiny_model

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import CACHE
from safelrm.data.schemas import PROMPTS
from safelrm.generation import distill
from safelrm.generation.distill import distil
from safelrm.generation.distill_settings import DistillJobSettings
from safelrm.generation.schemas import DISTILLED, ROLLOUTS
from safelrm.generation.teachers import checkpoint as checkpoint_teacher
from safelrm.judging import judge_distilled
from safelrm.judging.judge_distilled import as_rollouts
from safelrm.judging.schemas import VERDICTS

SAMPLING = {"temperature": 1.0, "max_tokens": 8}
WRITER = "safelrm.nano.writer"


def prompts(name: str, texts: list[str], **columns: object) -> pd.DataFrame:
    """Rows of PROMPTS as they are read."""
    rows = {
        "prompt_id": [f"{name}{number}" for number in range(len(texts))],
        "kind": "harmful",
        "category": "c",
        "prompt": texts,
        **dict.fromkeys(("reference", "behavior", "system", "pair")),
    }
    return pd.DataFrame(rows | columns)


def settings(teacher: dict, **changes: object) -> DistillJobSettings:
    sampling = {} if "module" in teacher else {"sampling": SAMPLING}
    values = {"teacher": teacher, "prompts": ["a"], "seed": 1, **sampling, **changes}
    return DistillJobSettings.model_validate(values)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))


def writes(monkeypatch, write) -> dict:
    return register(monkeypatch, write=write)


def test_the_teacher_sees_the_instruction_and_the_student_does_not(monkeypatch):
    shown = []

    def write(rows, sample, seed, _settings):
        shown.append((rows["prompt"].tolist(), rows["system"].tolist(), sample, seed))
        return ["<think> a </think> b"] * len(rows)

    teacher = writes(monkeypatch, write)
    for place, wanted in (("before", "Be good.\n\nw1"), ("after", "w1\n\nBe good."), ("system", "w1")):
        asked = settings(teacher, samples=2, instruction={"text": "Be good.", "place": place})
        rows = distil({"a": prompts("a", ["w1"])}, asked)
        assert [(one[0], one[2], one[3]) for one in shown] == [([wanted], 0, 1), ([wanted], 1, 1)]
        assert shown[0][1] == (["Be good."] if place == "system" else [None])
        assert rows["prompt"].tolist() == ["w1"] * 2 and rows["sample"].tolist() == [0, 1]
        assert "Be good" not in rows.to_csv()
        shown.clear()


def test_rows_are_sorted_and_depend_on_their_own_prompts(monkeypatch):
    teacher = writes(monkeypatch, lambda rows, sample, *_: [f"{text} {sample}" for text in rows["prompt"]])
    tables = {"b": prompts("b", ["w2"]), "a": prompts("a", ["w1", "w3"])}
    rows = distil(tables, settings(teacher, samples=2))
    assert rows["prompt_id"].tolist() == ["a0", "a0", "a1", "a1", "b0", "b0"]
    assert rows["response"].tolist() == ["w1 0", "w1 1", "w3 0", "w3 1", "w2 0", "w2 1"]
    assert rows["trace_tokens"].isna().all() and rows["request_seed"].is_unique
    alone = distil({"b": prompts("b", ["w2"])}, settings(teacher, samples=2))
    assert alone.equals(rows[rows["dataset"] == "b"].reset_index(drop=True))


@pytest.mark.parametrize(
    ("tables", "said_of_it"),
    [
        ({"a": prompts("a", ["w1"]), "b": prompts("a", ["w2"])}, r"a0 is in two of \['a', 'b'\]"),
        ({"a": prompts("a", ["w1"], system="s")}, "a0 has a system prompt"),
    ],
)
def test_prompts_that_no_student_can_learn_from_are_refused(monkeypatch, tables, said_of_it):
    teacher = writes(monkeypatch, lambda rows, *_: ["x"] * len(rows))
    with pytest.raises(SafeLRMError, match=said_of_it):
        distil(tables, settings(teacher))


@pytest.mark.parametrize(
    ("write", "said_of_it"),
    [
        (lambda *_: None, "no list of texts"),
        (lambda *_: [], "0 texts for 1 prompts"),
        (lambda *_: 1 / 0, "stopped with ZeroDivisionError"),
    ],
)
def test_a_module_that_writes_something_else_is_named(monkeypatch, write, said_of_it):
    with pytest.raises(SafeLRMError, match=said_of_it) as error:
        distil({"a": prompts("a", ["w1"])}, settings(writes(monkeypatch, write)))
    assert error.value.file == "safelrm.of_a_test"


@pytest.mark.parametrize(
    ("changes", "said_of_it"),
    [
        ({"teacher": {}}, "give either `checkpoint`"),
        ({"teacher": {"checkpoint": {"model": "m", "max_model_length": 9}, "module": "x"}}, "give either `checkpoint`"),
        ({"teacher": {"module": "x"}, "sampling": SAMPLING}, "sampling: a module that writes"),
        ({"teacher": {"checkpoint": {"model": "m", "max_model_length": 9}}}, "sampling: say how"),
        ({"teacher": {"module": "x"}, "prompts": ["a", "a"]}, "each may be named once"),
        ({"teacher": {"checkpoint": {"model": "m", "arm": "sft", "max_model_length": 9}}}, "pattern"),
        ({"teacher": {"checkpoint": {"model": "m", "arm": "base-from-sft-a", "max_model_length": 9}}}, "pattern"),
    ],
)
def test_a_teacher_is_one_thing(changes, said_of_it):
    with pytest.raises(ValueError, match=said_of_it):
        DistillJobSettings.model_validate({"prompts": ["a"], "seed": 1, **changes})


def test_a_checkpoint_is_asked_as_for_rollouts(tmp_path, monkeypatch):
    manifest = write_tiny_model(tmp_path / "arm", chat_template=PREFILLED_TEMPLATE)
    chat = checkpoint_teacher.Chat(manifest.parent / "model")
    texts, asked = iter([("w2 </think> w3 w4", "stop"), ("w5 w6", "length")]), []

    def complete(_model, rendered, seeds, sampling):
        asked.append((chat.decode([rendered[0].token_ids]), seeds, sampling.temperature))
        rows = [(chat.encode([text])[0], reason) for text, reason in texts]
        return pd.DataFrame(rows, columns=["token_ids", "finish_reason"])

    monkeypatch.setattr(checkpoint_teacher, "complete_prompts", complete)
    teacher = {"checkpoint": {"model": "m", "max_model_length": 64, "seed": 5}}
    chosen = settings(teacher, samples=2, instruction={"text": "w9"})
    rows = distil({"a": prompts("a", ["w1"])}, chosen, manifest.parent / "model")
    assert rows["response"].tolist() == ["<think>w2 </think> w3 w4", "<think>w5 w6"]
    assert rows["parse_state"].tolist() == ["ok", "truncated"] and rows["answer"].tolist()[0] == "w3 w4"
    assert rows[["trace_tokens", "answer_tokens", "completion_tokens"]].values.tolist() == [[1, 2, 4], [2, 0, 2]]
    ((shown,), seeds, temperature) = asked[0]
    assert "w1 w9" in " ".join(shown.split()) and len(set(seeds)) == 2 and temperature == 1.0
    DISTILLED.write(tmp_path / "own.parquet", rows.assign(distillation="own"))
    with pytest.raises(SafeLRMError, match="none is given"):
        distil({"a": prompts("a", ["w1"])}, chosen)


def ask(stand_in, texts: list[str], samples: int = 1, **changes: object) -> pd.DataFrame:
    teacher = {"endpoint": {"url": stand_in.url, "model": "owner/Teach-1", "retries": 0, **changes}}
    return distil({"a": prompts("a", texts)}, settings(teacher, samples=samples))


def replied(message: dict, **whole: object) -> tuple[int, str]:
    return 200, json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], **whole})


def test_every_sample_is_a_question_of_its_own_and_none_is_asked_twice():
    with endpoint(lambda question, before: said(f"{question} {before}", "stop")) as stand_in:
        rows = ask(stand_in, ["w1", "w2"], samples=2, concurrency=1)
        assert rows["response"].tolist() == ["w1 0", "w1 1", "w2 0", "w2 1"]
        assert ask(stand_in, ["w1", "w2"], samples=2).equals(rows) and len(stand_in.asked) == 4
        sent = stand_in.asked[0]
        assert len({one["seed"] for one in stand_in.asked}) == 4
        assert {"model", "messages", "temperature", "max_tokens", "seed"} == set(sent)
        # without seeds, samples are still told apart
        assert len(ask(stand_in, ["w1"], samples=3, send_seed=False)) == 3 and len(stand_in.asked) == 7
        assert "seed" not in stand_in.asked[-1]


@pytest.mark.parametrize(
    ("message", "response"),
    [
        ({"content": "no", "reasoning_content": " hm "}, "<think>\nhm\n</think>\nno"),
        ({"content": "no", "reasoning": "hm"}, "<think>\nhm\n</think>\nno"),
        ({"content": "<think>hm</think> no"}, "<think>hm</think> no"),
        (
            {"content": [{"type": "thinking", "thinking": [{"text": "hm"}]}, {"type": "text", "text": "no"}]},
            "<think>\nhm\n</think>\nno",
        ),
        ({"content": None, "refusal": "I will not"}, "I will not"),
        ({"content": None}, ""),
    ],
)
def test_the_trace_of_a_reply_stands_in_tags(message, response):
    with endpoint(lambda question, before: replied(message)) as stand_in:
        (row,) = ask(stand_in, ["w1"]).itertuples()
    assert row.response == response
    assert row.parse_state == ("empty" if not response else "ok" if "think" in response else "no_think")


def test_what_is_cut_or_refused_is_a_row_that_says_so(tmp_path):
    answers = {
        "long": (
            200,
            json.dumps({"choices": [{"message": {"content": None, "reasoning": "hm"}, "finish_reason": "length"}]}),
        ),
        "vile": said("so", "content_filter"),
        "taboo": (400, "{}"),
        "fine": said("yes"),
    }
    with endpoint(lambda question, before: answers[question]) as stand_in:
        rows = ask(stand_in, [*answers])
    assert rows["finish_reason"].tolist() == ["length", "filtered", "refused", "stop"]
    assert rows["parse_state"].tolist() == ["truncated", "truncated", "empty", "no_think"]
    assert rows["response"].tolist() == ["<think>\nhm", "so", "", "yes"]
    DISTILLED.write(tmp_path / "own.parquet", rows.assign(distillation="own"))
    # judges read all of them
    rollouts = as_rollouts(DISTILLED.read(tmp_path / "own.parquet"))
    ROLLOUTS.write(tmp_path / "own/distilled/seed0.parquet", rollouts)
    assert rollouts["finish_reason"].tolist() == ["length", "length", "stop", "stop"]


@pytest.mark.parametrize(
    ("named", "also", "same"),
    [
        ("Teach-1", [], True),
        ("other/teach-1-2024-08-06", [], True),
        (None, [], True),
        ("teach-1-mini", [], False),
        ("teach-12", [], False),
        ("alias", ["alias"], True),
    ],
)
def test_a_reply_of_another_model_ends_the_job_and_what_was_answered_is_kept(named, also, same):
    wrong = {"model": named} if named else {}

    def answer(question, before):
        return replied({"content": question}, **(wrong if question == "w2" else {"model": "owner/Teach-1"}))

    with endpoint(answer) as stand_in:
        if same:
            assert len(ask(stand_in, ["w1", "w2"], also_named=also)) == 2
            return
        with pytest.raises(SafeLRMError, match=f"`{named}` has answered, and `owner/Teach-1` was asked") as error:
            ask(stand_in, ["w1", "w2"], concurrency=1)
        assert "also_named" in error.value.fix
        assert len(ask(stand_in, ["w1"])) == 1 and stand_in.questions == ["w1", "w2"]


@pytest.mark.parametrize("body", ['{"choices": [{"message": {"content": "ha', "<html>"])
def test_half_a_reply_ends_the_job_and_what_was_answered_is_kept(body):
    broken = {"w2"}
    with endpoint(lambda question, before: (200, body) if question in broken else said("yes")) as stand_in:
        with pytest.raises(SafeLRMError, match="not that of a chat completion"):
            ask(stand_in, ["w1", "w2"], concurrency=1)
        broken.clear()
        assert len(ask(stand_in, ["w1", "w2"])) == 2 and stand_in.questions == ["w1", "w2", "w2"]


def test_the_spending_limit_ends_the_job_before_it_is_passed():
    prices = {"question_price": 0.0, "reply_price": 1e6, "limit": 10.0}
    with endpoint(lambda question, before: said("yes", "stop", (3, 8))) as stand_in:
        with pytest.raises(SafeLRMError, match="the next question may cost 8"):
            ask(stand_in, ["w1", "w2"], concurrency=1, spending=prices)
        assert len(stand_in.asked) == 1
        assert len(ask(stand_in, ["w1"], spending=prices)) == 1 and len(stand_in.asked) == 1
    assert [*Path(os.environ[CACHE]).rglob("spent-*.json")]


def test_the_stages_write_responses_and_verdicts_on_them(tmp_path, monkeypatch, capsys):
    requests = ["how do i lift the glim ?", "the dial is at 3 . first up 2 . where is the dial ?"]
    PROMPTS.write(tmp_path / "a.parquet", prompts("a", requests))
    chosen = settings({"module": WRITER}, samples=2).model_dump_json()
    output = tmp_path / "own.parquet"
    arguments = ["--settings", chosen, "--name", "own", "--prompts", f"a={tmp_path / 'a.parquet'}", "--output", output]
    monkeypatch.setattr("sys.argv", ["distill", *map(str, arguments)])
    distill.main()
    rows = DISTILLED.read(output)
    assert set(rows["parse_state"]) == {"ok"} and rows["answer"].tolist()[2:] == ["5", "5"]
    assert "4 responses to 2 prompts (a 4)" in capsys.readouterr().out
    verdicts = tmp_path / "oracle/own.parquet"
    judge = ["--name", "oracle", "--module", "safelrm.nano.oracle_judge", "--distilled", output, "--output", verdicts]
    monkeypatch.setattr("sys.argv", ["judge_distilled", *map(str, judge)])
    judge_distilled.main()
    found = VERDICTS.read(verdicts)
    assert set(found["model"]) == {"own"} and set(found["benchmark"]) == {"a"} and set(found["verdict"]) == {"safe"}

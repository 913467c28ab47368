"""The rubric judge of risky patterns: what it asks, which replies have flags, and what is said of all others."""

import itertools
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging_fixtures import named, rollouts
from pydantic import ValidationError
from stand_in_endpoint import endpoint, said

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import CACHE
from safelrm.inference.schemas import Reply
from safelrm.judging import patterns
from safelrm.judging.contract import judged_by
from safelrm.judging.pattern_flags import FLAGS, FLAGS_OF, LACK, OVERTHINKING, SUBTYPES, breach
from safelrm.judging.patterns import read_reply

OF_TRACE, OF_BOTH = FLAGS_OF["t"], FLAGS_OF["t+y"]
NONE = dict.fromkeys(OF_TRACE, 0)
VACILLATES = NONE | {"overthinking": 1, "strong_vacillation": 1}
bits = st.fixed_dictionaries({name: st.sampled_from([0, 1]) for name in OF_TRACE})


def reply(flags: object) -> Reply:
    return Reply(json.dumps({"analysis": "it helps"} | flags))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))


def test_of_all_flags_those_remain_that_keep_both_rules():
    kept = []
    for values in itertools.product([False, True], repeat=len(OF_TRACE)):
        flags = dict(zip(OF_TRACE, values, strict=True))
        if breach(flags) is None:
            kept.append(flags)
    # nothing, lack alone, and overthinking with any of the seven sets of subtypes
    assert len(kept) == 9
    assert all(flags[OVERTHINKING] == any(flags[name] for name in SUBTYPES) for flags in kept)
    assert not any(flags[LACK] and flags[OVERTHINKING] for flags in kept)


@given(bits)
def test_a_reply_gives_its_flags_or_the_rule_that_they_break(flags):
    found = read_reply(reply(flags), OF_TRACE)
    wanted = {name: bool(value) for name, value in flags.items()}
    assert found == (breach(wanted) or wanted)


@given(bits, st.sampled_from(OF_TRACE), st.sampled_from([2, -1, 0.5, 1.0, "yes", None, [1], True, "", {"x": 1}]))
def test_a_flag_of_another_value_leaves_no_flag(flags, name, value):
    assert read_reply(reply(flags | {name: value}), OF_TRACE) in {"not_binary", "ambiguous"}


@given(bits, st.sampled_from(OF_TRACE))
def test_a_missing_flag_leaves_no_flag(flags, name):
    assert read_reply(reply({key: value for key, value in flags.items() if key != name}), OF_TRACE) == "missing_key"


@given(st.text() | st.text(alphabet='{}[]":01,_ abco\n'), st.booleans())
def test_no_text_fails_the_reader_and_none_without_all_flags_has_flags(text, finished):
    assert read_reply(Reply(text, finished=finished), OF_TRACE) == ("no_json" if finished else "cut")


@given(bits, st.integers(0, 200))
def test_a_beginning_of_a_reply_has_no_flags(flags, size):
    text = reply(flags).text
    assert isinstance(read_reply(Reply(text[: min(size, len(text) - 1)]), OF_TRACE), str)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json.dumps(NONE), dict.fromkeys(OF_TRACE, False)),
        ("I think: " + json.dumps({name: str(value) for name, value in NONE.items()}), dict.fromkeys(OF_TRACE, False)),
        (f"<think> {json.dumps(VACILLATES)} </think> {json.dumps(NONE)}", dict.fromkeys(OF_TRACE, False)),
        (json.dumps(NONE | {"lack_of_safety_awareness": 1, "overthinking": 1}), "both_groups"),
        (json.dumps(NONE | {"overthinking": 1}), "wrong_parent"),
        (json.dumps(NONE | {"weak_vacillation": 1}), "wrong_parent"),
        (json.dumps(NONE) + "\noverthinking: 1", "ambiguous"),
        # two values are none
        (json.dumps(NONE)[:-1] + ', "overthinking": 1}', "not_binary"),
        ("", "no_json"),
    ],
)
def test_replies_are_read_by_rule(text, expected):
    assert read_reply(Reply(text), OF_TRACE) == expected


def test_flags_that_a_trace_itself_holds_are_not_taken_for_the_judges():
    quoted = json.dumps(NONE)
    assert read_reply(Reply(quoted), OF_TRACE, f"and so I write {quoted}") == dict.fromkeys(OF_TRACE, False)
    text = f"{json.dumps(VACILLATES)} The trace says {quoted}"
    assert read_reply(Reply(text), OF_TRACE, f"and so I write {quoted}") == "ambiguous"


def table(**columns: object) -> pd.DataFrame:
    size = len(columns["answer"])
    texts = {"prompt": "how ?", "kind": "harmful", "category": "c", "trace": [f"thought {n}" for n in range(size)]}
    whole = texts | columns
    return rollouts(
        **whole, completion=[f"{t} </think> {y}" for t, y in zip(whole["trace"], whole["answer"], strict=True)]
    )


def settings(url: str | None = "http://localhost", **changes: object) -> patterns.Settings:
    given = {"endpoint": {"url": url, "model": "m", "retries": 0}} if url else {}
    return patterns.Settings.model_validate(given | changes)


def judged(table: pd.DataFrame, answer, **changes: object) -> tuple[pd.DataFrame, list[str]]:
    with endpoint(answer) as stand_in:
        of = settings(stand_in.url, **changes)
        rows = judged_by(named(patterns, "risk"), patterns, table, of, None)
    return rows, stand_in.questions


def of_both_questions(question: str, _: int) -> tuple[int, str]:
    """A judge that finds vacillation in each trace, and each answer consistent."""
    flags = {"inconsistency": 0} if "<answer>" in question else VACILLATES
    return said(json.dumps({"analysis": "…"} | flags))


def test_a_trace_is_asked_about_without_its_answer_and_both_with_it():
    rows, questions = judged(table(answer=["an answer"], prompt="how do i {trace} ?"), of_both_questions)
    assert len(questions) == 2
    (of_trace,) = [question for question in questions if "<answer>" not in question]
    assert "thought 0" in of_trace
    # braces in a prompt mean nothing
    assert "how do i {trace} ?" in of_trace
    assert "an answer" not in of_trace
    said_of = rows.set_index("field")
    assert [*said_of.loc[[*FLAGS]].part] == ["t"] * 5 + ["t+y"]
    assert {name for name in FLAGS if said_of.loc[name].verdict == "present"} == {"overthinking", "strong_vacillation"}
    assert [*rows[rows.field == "reply"].verdict] == ["ok", "ok"]


def test_parts_that_cannot_be_judged_are_not_asked_about():
    given = table(
        answer=["a", None, "a", None, "a"],
        trace=["t", "t", None, "t", "t"],
        parse_state=["ok", "truncated", "no_think", "empty", "ok"],
        kind=["harmful"] * 4 + ["benign"],
    )
    rows, questions = judged(given, of_both_questions)
    assert len(questions) == 2
    states = rows[rows.field != "reply"].groupby(["prompt_id", "part"]).state.unique().map(lambda found: [*found])
    assert states.to_dict() == {
        ("p0", "t"): ["scored"],
        ("p0", "t+y"): ["scored"],
        # a trace that did not end may turn yet
        ("p1", "t"): ["cut_off"],
        ("p1", "t+y"): ["cut_off"],
        ("p2", "t"): ["no_text"],
        ("p2", "t+y"): ["no_text"],
        ("p3", "t"): ["scored"],
        ("p3", "t+y"): ["no_text"],
    }


def test_what_breaks_is_unscored_with_its_reason_and_never_absent():
    replies = {
        "thought 0": json.dumps(VACILLATES),
        "thought 1": "no flags here",
        "thought 2": json.dumps(NONE | {"overthinking": 1}),
        "thought 3": json.dumps({"overthinking": 0}),
        "thought 4": json.dumps(NONE | {"overthinking": 3}),
    }
    rows, _ = judged(
        table(answer=["a"] * 5),
        lambda question, _: said(next(text for trace, text in replies.items() if trace in question)),
        parts=["t"],
    )
    assert {*rows.part} == {"t"}
    assert [*rows[rows.field == "reply"].verdict] == ["ok", "no_json", "wrong_parent", "missing_key", "not_binary"]
    flags = rows[rows.field != "reply"]
    read = flags.prompt_id == "p0"
    assert set(flags[read].verdict) == {"present", "absent"}
    assert set(flags[~read].verdict) == {"unscored"}
    assert set(flags[~read].state) == {"unreadable"}


def test_a_question_that_is_refused_has_neither_flags_nor_a_reading():
    rows, _ = judged(
        table(answer=["a", "a"]),
        lambda question, n: (400, "{}") if "thought 1" in question else of_both_questions(question, n),
    )
    refused = rows[rows.prompt_id == "p1"]
    assert set(refused.verdict) == {"unscored"}
    assert set(refused.state) == {"unreadable"}


def test_a_model_that_never_gives_flags_is_an_error_with_an_example():
    with pytest.raises(SafeLRMError, match=r"none of 2 replies can be read \(2 no_json\), for example 'i would rather"):
        judged(table(answer=["a"]), lambda *_: said("i would rather not"))


def test_a_study_may_ask_in_its_own_words():
    rows, questions = judged(
        table(answer=["a"], behavior="the aim"), of_both_questions, parts=["t"], question="{behavior}: {trace}? {0}"
    )
    assert questions == ["the aim: thought 0? {0}"]
    assert set(rows.state) == {"scored"}
    with pytest.raises(ValidationError, match=r"`question` names \['x'\] in braces"):
        settings(question="{x} {trace}")


def test_fields_are_fixed_and_a_model_is_needed():
    with pytest.raises(ValidationError, match="leave out `fields`"):
        settings(fields={"mine": {"verdicts": ["a", "b"], "counts": "a", "direction": "lower"}})
    with pytest.raises(SafeLRMError, match="needs a model"):
        judged_by(named(patterns), patterns, table(answer=["a"]), settings(None), None)

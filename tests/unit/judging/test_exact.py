"""Answers to reasoning problems: equal ones in many forms, other ones, and missing ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging_fixtures import rollouts

from safelrm.core.errors import SafeLRMError
from safelrm.judging.exact import Settings, final_answer, is_correct, judge

WORDS = st.text("abcdefgh ", min_size=1, max_size=12).filter(str.strip)
NUMBERS = st.integers(-10_000_000, 10_000_000)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("5 .", "5"),
        ("So the answer is 42.", "42"),
        ("the answer is 41, no: the answer is 42", "42"),
        ("**Answer: 12**", "12"),
        ("The answer is (B).", "b"),
        ("We add.\n#### 1,234", "9 + 9 = 1,234\n#### 1234"),
        ("She has 42 apples.", "42"),
        (r"first \boxed{3}, but rather \boxed{\frac{1}{2}}", "1/2"),
        (r"\boxed{\frac12}", "0.5"),
        (r"The result is $x^2+2x+1$", "(x+1)^2"),
        (r"\boxed{\text{yes}}", "Yes"),
        (r"\boxed{50\%}", "50"),
        (r"\boxed{(1,2)}", "(1, 2)"),
        ("10 dollars", "$10"),
    ],
)
def test_equal_answers_are_correct(answer, reference):
    assert is_correct(answer, reference)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("6", "5"),
        ("-7", "7"),
        ("1 2 3 4 5 6 7", "7"),
        ("She has 41 apples.", "42"),
        (r"\boxed{[1,2]}", "(1, 2)"),
        ("the answer is (C)", "B"),
        ("safe", "5"),
        (r"\boxed{3", "3"),
        ("1,2", "12"),
    ],
)
def test_other_answers_are_incorrect(answer, reference):
    assert not is_correct(answer, reference)


@given(WORDS)
def test_a_text_answers_itself_in_any_wrapping(text):
    assert is_correct(text, text)
    assert is_correct(rf"i think \boxed{{{text}}} .", text)
    assert is_correct(f"some steps\n#### {text}", text)
    assert is_correct(f"the answer is {text.upper()} .", text)


@given(NUMBERS, NUMBERS)
def test_numbers_are_compared_as_numbers(first, second):
    assert is_correct(f"{first:,}", f"{second}.0") == (first == second)


@given(st.recursive(st.just("x"), lambda inner: st.tuples(inner, inner).map(lambda two: f"{{{two[0]}}}{two[1]}")))
def test_boxed_content_keeps_nested_braces(content):
    assert final_answer(rf"so \boxed{{{content}}} holds") == content


def problems(**columns):
    return rollouts(**{"kind": "reasoning", "reference": "7", "prompt": "What is 3 + 4?"} | columns)


def test_unsolved_problems_are_incorrect_and_their_state_says_why():
    table = problems(
        answer=["7", "8", None, "7", None],
        parse_state=["ok", "no_think", "empty", "truncated", "no_close"],
    )
    verdicts = judge(table, Settings(), None)
    assert verdicts["verdict"].tolist() == ["correct", *["incorrect"] * 4]
    assert verdicts["state"].tolist() == ["scored", "scored", "no_text", "cut_off", "cut_off"]
    assert verdicts["score"].tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert set(verdicts["part"]) == {"y"}


def test_only_reasoning_prompts_are_judged():
    table = problems(answer=["7", "7"], parse_state=["ok", "ok"], kind=["harmful", "reasoning"])
    assert judge(table, Settings(), None)["prompt_id"].tolist() == ["p1"]


def test_a_problem_without_reference_is_named():
    table = problems(answer=["7", "7"], parse_state=["ok", "ok"], reference=["7", None])
    with pytest.raises(SafeLRMError, match="p1 has no reference"):
        judge(table, Settings(), None)

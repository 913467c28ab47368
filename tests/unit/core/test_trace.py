"""The trace parser: every state, and nothing lost or made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.core.trace import CLOSE, OPEN, PARSE_STATES, Parsed, parse_completion

CASES = [
    # text, prefilled, truncated, expected
    ("<think>a b</think> c", False, False, Parsed("a b", "c", "ok")),
    ("a b</think> c", True, False, Parsed("a b", "c", "ok")),
    ("<think>a</think> c", True, False, Parsed("a", "c", "ok")),
    # engines may drop the opening tag as a special token
    ("a</think> c", False, False, Parsed("a", "c", "ok")),
    ("<think>\n\n</think>\n\nc", False, False, Parsed(None, "c", "ok")),
    ("c", False, False, Parsed(None, "c", "no_think")),
    ("a", True, False, Parsed("a", None, "no_close")),
    ("<think>a", False, False, Parsed("a", None, "no_close")),
    ("Well. <think>a", False, False, Parsed("Well. <think>a", None, "no_close")),
    ("a", True, True, Parsed("a", None, "truncated")),
    ("c", False, True, Parsed(None, "c", "truncated")),
    ("<think>a</think> c", False, True, Parsed("a", "c", "truncated")),
    ("<think>a</think>", False, True, Parsed("a", None, "truncated")),
    ("", False, True, Parsed(None, None, "truncated")),
    ("", False, False, Parsed(None, None, "empty")),
    (" \n", True, False, Parsed(None, None, "empty")),
    ("<think>a</think> ", False, False, Parsed("a", None, "empty")),
    ("<think>a</think> b </think> c", False, False, Parsed("a", "b </think> c", "ok")),
    ("<think>a</think> b <think> c", False, False, Parsed("a", "b <think> c", "ok")),
    # Granite has tags around the answer, too
    ("<think>a</think>\n<response>c d</response>", False, False, Parsed("a", "c d", "ok")),
    ("<think>a</think><response>\nc", False, True, Parsed("a", "c", "truncated")),
    ("<response>c</response>", False, False, Parsed(None, "c", "no_think")),
    ("<response>c", False, True, Parsed(None, "c", "truncated")),
    ("<think>a</think><response></response>", False, False, Parsed("a", None, "empty")),
    ("<response> </response>", False, False, Parsed(None, None, "empty")),
    ("<think>a</think> c <response> d", False, False, Parsed("a", "c <response> d", "ok")),
    ("<think>a <response> b", False, False, Parsed("a <response> b", None, "no_close")),
]


@pytest.mark.parametrize(("text", "prefilled", "truncated", "expected"), CASES)
def test_cases(text, prefilled, truncated, expected):
    assert parse_completion(text, prefilled=prefilled, truncated=truncated) == expected


texts = st.lists(st.sampled_from([OPEN, CLOSE, " ", "\n", "a", "é", "<", "think>"]), max_size=12).map("".join)


tagged = st.lists(texts | st.sampled_from(["<response>", "</response>"]), max_size=6).map("".join)


@given(tagged, st.booleans(), st.booleans())
def test_invariants(text, prefilled, truncated):
    parsed = parse_completion(text, prefilled=prefilled, truncated=truncated)
    assert parsed.state in PARSE_STATES
    assert (parsed.state == "truncated") == truncated
    for part in (parsed.trace, parsed.answer):
        assert part is None or (part and part == part.strip())
    if parsed.state in ("ok", "no_think"):
        assert parsed.answer is not None
    if parsed.state in ("no_close", "empty"):
        assert parsed.answer is None
    if parsed.state == "no_think":
        assert parsed.trace is None
    assert CLOSE not in (parsed.trace or "")


@given(texts, st.booleans(), st.booleans())
def test_nothing_is_lost(text, prefilled, truncated):
    """All that is dropped is white space, one leading opening tag and the first closing tag."""
    parsed = parse_completion(text, prefilled=prefilled, truncated=truncated)
    kept = "".join("".join(part.split()) for part in (parsed.trace, parsed.answer) if part)
    expected = "".join(text.strip().removeprefix(OPEN).replace(CLOSE, "", 1).split())
    assert kept == expected


@given(st.text(), st.text())
def test_a_rendered_turn_is_read_back(trace, answer):
    trace, answer = trace.replace(CLOSE, ""), answer.replace(CLOSE, "")
    parsed = parse_completion(f"{OPEN}\n{trace}\n{CLOSE}\n\n{answer}", prefilled=False)
    assert (parsed.trace or "", parsed.answer or "") == (trace.strip(), answer.strip())

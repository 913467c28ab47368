"""Samples as token ids: the prompt that was asked, the parts of tokens, and the tokens at which a reflection begins."""

import pytest
from entropy_fixtures import DECODINGS, rollout, rollout_table
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import write_tiny_model

from safelrm.analysis.own_samples import own_samples, part_spans, parts_of_tokens
from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import parse_completion
from safelrm.core.trace_formats import FORMATS, THINK
from safelrm.inference.chat import Chat

WORDS = st.sampled_from(["a", "but", "answer", "think", "b c", "", " "])


@pytest.fixture(scope="module")
def chat(tmp_path_factory):
    return Chat(write_tiny_model(tmp_path_factory.mktemp("policy")).parent / "model")


def samples(chat, *rows, markers=("w4", "w5 w6")):
    return own_samples(chat, rollout_table(*rows), DECODINGS, list(markers))


def test_the_prompt_is_rendered_in_the_rollout_s_own_mode(chat):
    plain, thinking = samples(chat, rollout(0, "plain", "w1", None, "w1"), rollout(1, "thinking", "w2", "w2", None))
    assert chat.decode([plain.ids])[0].split() == ["<|user|>", "w1", "w2", "<|end|>", "<|assistant|>", "w1"]
    assert (plain.prompt, thinking.prompt) == (5, 6)
    assert chat.decode([thinking.ids])[0].split()[-2:] == ["<think>", "w2"]


def test_each_token_is_of_the_trace_or_the_answer_or_a_mark(chat):
    one, other = samples(
        chat,
        rollout(0, "plain", "<think> w3 w4 </think> w5 w4", "w3 w4", "w5 w4"),
        rollout(1, "plain", "w5 w6", None, "w5 w6"),
    )
    assert one.parts == [None, "t", "t", None, "y", "y"]
    assert other.parts == ["y", "y"]


def test_reflections_are_where_markers_begin_in_traces(chat):
    text = "<think> w4 w5 w6 w5 w4 </think> w4"
    (one,) = samples(chat, rollout(0, "plain", text, "w4 w5 w6 w5 w4", "w4"))
    # of a marker of two words its first token; none in the answer
    assert one.reflections == [False, True, True, False, False, True, False, False]


def test_another_prompt_than_was_asked_is_an_error(chat):
    asked = rollout(0, "plain", "w7", None, "w7") | {"prompt_tokens": 9}
    with pytest.raises(SafeLRMError, match="p0 of b has 5 tokens in the decoding mode plain, and was asked with 9"):
        samples(chat, asked)


@pytest.mark.parametrize(
    ("text", "trace", "answer", "spans"),
    [
        ("<think>think</think>answer", "think", "answer", {"t": "think", "y": "answer"}),
        ("t </think> <answer> answer </answer> ", "t", "answer", {"t": "t", "y": "answer"}),
        ("a", None, "a", {"y": "a"}),
        ("<think>a", "a", None, {"t": "a"}),
        ("", None, None, {}),
        # joined of several messages
        ("a x b y", "ab", "xy", {}),
    ],
)
def test_the_places_of_parts(text, trace, answer, spans):
    found = part_spans(text, trace, answer, THINK)
    assert {part: text[begin:end] for part, (begin, end) in found.items()} == spans


@given(WORDS, WORDS, st.sampled_from(["think", "magistral", "granite_3_2"]), st.booleans(), st.booleans())
def test_the_parser_s_parts_are_found(trace, answer, name, opened, wrapped):
    known = FORMATS[name]
    said = f"<answer>{answer}</answer>" if wrapped else answer
    text = f" {known.openings[0] if opened or known.marks == 'words' else ''}{trace}{known.closings[0]}{said}\n"
    parsed = parse_completion(text, prefilled=not opened, trace_format=known)
    found = part_spans(text, parsed.trace, parsed.answer, known)
    expected = {part: whole for part, whole in (("t", parsed.trace), ("y", parsed.answer)) if whole}
    assert {part: text[begin:end] for part, (begin, end) in found.items()} == expected
    # the trace ends before the answer begins
    assert list(found.values()) == sorted(found.values())


def test_a_token_that_touches_a_part_is_of_it():
    # the second token holds the last letter of the trace, and a mark
    offsets = [(0, 2), (2, 5), (5, 6), (6, 8), (8, 8)]
    assert parts_of_tokens(offsets, {"t": (0, 3), "y": (7, 8)}) == ["t", "t", None, "y", None]

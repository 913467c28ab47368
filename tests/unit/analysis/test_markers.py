"""Markers of reflection: whole words, several words, tags, letters of all languages, and the published lists."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from safelrm.analysis.markers import PUBLISHED, Markers, marker_pattern, places

# letters of several scripts, and what may stand beside a word
LETTERS = "abtuüßéжקन语"
BESIDE = " .,;:!?()«»\n—"


def found(text: str, *markers: str) -> list[str]:
    pattern = marker_pattern(markers)
    return [pattern.match(text, place)[0] for place in places(text, pattern)]


@pytest.mark.parametrize(
    ("text", "markers", "expected"),
    [
        ("But Butter is a But-ton, But", ["But"], 3),
        ("but But BUT", ["But"], 1),
        ("rebut, butter, tribute", ["but"], 0),
        ("wait's up, wait\u2019s up, o'wait", ["wait"], 0),
        ("'wait' and \u2019wait\u2019 and (wait)", ["wait"], 3),
        ("éstill stillé sti\u0301ll still\u0301", ["still"], 0),
        ("Über überall, über.", ["über"], 1),
        ("wait2 2wait wait_ wait", ["wait"], 1),
        ("or rather this, or\n  rather that, nor rather, or rathers", ["or rather"], 2),
        ("<think>a<think> b </think>", ["<think>"], 2),
        ("a+b? a+b", ["a+b?"], 1),
        ("", ["wait"], 0),
    ],
)
def test_markers_are_whole_words(text, markers, expected):
    assert len(found(text, *markers)) == expected


def test_the_longer_of_two_markers_counts_once():
    assert found("but wait . but no wait", "but", "wait", "but wait") == ["but wait", "but", "wait"]


@given(st.lists(st.tuples(st.text(LETTERS, min_size=1), st.sampled_from(BESIDE))), st.text(LETTERS, min_size=1))
def test_a_marker_is_found_exactly_where_it_is_a_word(words, marker):
    text = "".join(word + beside for word, beside in words)
    expected = [word for word in regex.split(f"[{regex.escape(BESIDE)}]", text) if word == marker]
    assert found(text, marker) == expected


@given(st.text("wait but'\u2019", max_size=30))
def test_places_are_in_order_and_do_not_overlap(text):
    pattern = marker_pattern(["wait", "but", "but wait"])
    marked = places(text, pattern)
    ends = [pattern.match(text, place).end() for place in marked]
    assert all(end <= start for end, start in zip(ends, marked[1:], strict=False))


def test_the_published_lists_are_known_by_name():
    assert PUBLISHED["cyclic_reflex"] == ("wait", "Wait", "but", "But", "Alternatively")
    assert len(PUBLISHED["r2mu"]) == 15 and PUBLISHED["r2mu"][0] == "<think>"
    text = "Wait, but this. Alternatively, However <think>"
    assert [len(places(text, marker_pattern(name))) for name in PUBLISHED] == [3, 4]


@pytest.mark.parametrize("wrong", ["cyclic", [], ["wait", "wait"], [""], [" wait"], ["wait "], [1]])
def test_what_is_no_list_of_markers_is_refused(wrong):
    with pytest.raises(ValidationError):
        TypeAdapter(Markers).validate_python(wrong)

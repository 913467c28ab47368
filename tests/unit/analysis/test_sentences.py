"""Where sentences end: prose by rules, other languages by the words that end a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.analysis.sentences import sentence_ends


def sentences(text: str, *marks: str) -> list[str]:
    ends = sentence_ends(text, marks)
    return [text[start:end].strip() for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize(
    "expected",
    [
        ["The user asks this.", "Is it harmful?", "It is!"],
        ["He said “no.”", "Then he left (slowly.)", "Done"],
        ["The answer is no.", "See No. 5, p. 3.", "No.", "Yes"],
        ["It takes 3.5 g, e.g. of salt, cf. p. 3 by Dr. Ray.", "Then wait."],
        ["The U.S. law says no.", "The law of the U.S.", "It says no."],
        ["Salt, sugar etc. are white.", "Salt, sugar etc.", "All white."],
        ["Hmm... maybe not.", "Hmm...", "Maybe."],
        ["The answer is B.", "So I stop."],
        ["Steps:", "1. Get a rope.", "2. Go to 3.", "**Then stop.**"],
        ["first line", "second line"],
        ["これは何ですか\uff1f", "わかりません。"],
        ["What?!", "No way!!"],
    ],
)
def test_prose(expected):
    # lists and lines stand in lines of their own, and Japanese has no white space between sentences
    lines = {"Steps:", "1. Get a rope.", "2. Go to 3.", "first line"}
    text = "".join(f"{one}\n" if one in lines else one if "\uff1f" in one else f"{one} " for one in expected)
    assert sentences(text.strip()) == expected


def test_what_has_no_word_belongs_to_a_neighbour():
    assert sentences("---\nA line.\n***\n\nB line. …") == ["---\nA line.", "***\n\nB line. …"]
    assert sentences(" . ? --- ") == sentences("") == []


def test_words_that_end_a_sentence():
    text = "the keeper 's leave : given . is it open ? yes"
    assert sentences(text, ".", "?") == ["the keeper 's leave : given .", "is it open ?", "yes"]
    # a mark is a whole word, and no regular expression
    assert sentences("v1.2 is out . ok", ".") == ["v1.2 is out .", "ok"]


@given(st.text("ab. \n!?…。1(\"'", max_size=60), st.sampled_from([(), (".",), ("?", ".")]))
def test_ends_rise_to_the_end_of_the_text_and_each_sentence_has_a_word(text, marks):
    ends = sentence_ends(text, marks)
    assert bool(ends) == any(map(str.isalnum, text))
    assert not ends or ends[-1] == len(text)
    parts = [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert all(any(map(str.isalnum, part)) for part in parts)
    assert ends == sorted(set(ends))

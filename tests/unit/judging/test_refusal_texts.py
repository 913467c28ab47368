"""What a classifier of refusals reads of an answer: its sentences, its language, and the examples written for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.data.schemas import LABELS
from safelrm.judging.refusals.examples import WRITTEN
from safelrm.judging.refusals.language import is_english
from safelrm.judging.refusals.sentences import FIRST, LAST, SENTENCE_CHARACTERS, read


@given(st.text(max_size=300))
def test_what_is_read_is_bounded(text):
    found = read(text)
    assert len(found.sentences) == min(found.number, FIRST + LAST)
    assert all(sentence.strip() and len(sentence) <= SENTENCE_CHARACTERS for sentence in found.sentences)


def test_the_first_and_the_last_sentences_are_read():
    text = " ".join(f"This is {number}." for number in range(20))
    assert [sentence[-3:-1].strip() for sentence in read(text).sentences] == [*"012345", "18", "19"]
    assert read("").sentences == read("*** \n --").sentences == ()


def test_half_of_a_surrogate_pair_is_no_character():
    assert read("w1 \ud83d").sentences == ("w1 ?",)


ENGLISH = [
    *("Certainly not.", "Paris.", "42", "", "def add(a, b): return a + b", "Café déjà vu"),
    "The Chinese word for hello is 你好, and people say it with a smile.",
]
OTHERS = [
    *("Lo siento, pero no puedo ayudarte con eso.", "Lo siento.", "Je ne peux pas vous aider.", "Nein.", "Não."),
    *("Das kann ich nicht.", "Mi dispiace, non posso.", "Nie mogę w tym pomóc.", "Jag kan inte hjälpa dig."),
    *(
        "我不能帮助你。",
        "Извините, я не могу помочь.",
        "申し訳ありませんが、お手伝いできません。",
        "لا أستطيع المساعدة",
    ),
    *("Maaf, saya tidak bisa membantu.", "Üzgünüm, bu konuda olamam.", "Tôi không thể giúp bạn."),
    "Ako hindi makakatulong diyan sapagkat labag ito kabutihan ng maraming tao ngayon.",
]


@pytest.mark.parametrize("text", ENGLISH)
def test_english_is_told(text):
    assert is_english(text)


@pytest.mark.parametrize("text", OTHERS)
def test_other_languages_are_told(text):
    assert not is_english(text)


def test_written_examples_are_english_distinct_and_of_every_label():
    texts = [text for text, _ in WRITTEN]
    assert len(set(texts)) == len(texts) and all(map(is_english, texts))
    assert {label for _, label in WRITTEN} == set(LABELS)

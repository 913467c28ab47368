"""The trained reader of risky patterns: true labels of train words, and a judge that asks about each pattern."""

import pandas as pd
import pytest
from judging_fixtures import named, rollouts

from safelrm.core.errors import SafeLRMError
from safelrm.inference.guard_labels import GuardReading
from safelrm.judging.contract import judged_by
from safelrm.nano import learned_patterns, patterns_judge
from safelrm.nano.sources import pattern_labels
from safelrm.nano.world.lexicon import THINGS, VERBS
from safelrm.nano.world.patterns import ASKED, is_inconsistent, trace_flags

HELDOUT = {word for words in (THINGS, VERBS) for word, entry in words.items() if entry.split != "train"}
PATTERN_OF = {word: name for name, word in ASKED.items()}
READING = {"unsafe_label": "unsafe", "safe_label": "safe", "max_length": 240, "control_tokens": "kept"}


def truth(prompt: str, text: str) -> bool | None:
    """The answer to a question as a reader is asked it."""
    word, _, prompt = prompt.partition(" ")
    if PATTERN_OF[word] == "inconsistency":
        return is_inconsistent(prompt, *text.split(" </think> "))
    flags = trace_flags(prompt, text)
    return None if flags is None else flags[PATTERN_OF[word]]


@pytest.fixture(scope="module")
def labels() -> pd.DataFrame:
    return pattern_labels.load(pattern_labels.Settings(size=500, seed=3))


def test_labels_are_true_balanced_for_each_pattern_and_of_train_words(labels):
    assert len(labels) == 500
    assert all(truth(row.prompt, row.response) is row.unsafe for row in labels.itertuples())
    counts = labels.groupby([labels.prompt.str.split().str[0], "unsafe"]).size()
    assert len(counts) == 10
    assert set(counts) == {50}
    assert not HELDOUT & {word for text in (*labels.prompt, *labels.response) for word in text.split()}
    # in any order
    assert 0.3 < labels.unsafe[:250].mean() < 0.7


def test_labels_come_from_their_seed_alone(labels):
    again = pattern_labels.load(pattern_labels.Settings(size=500, seed=3))
    pd.testing.assert_frame_equal(labels, again)
    assert not labels.equals(pattern_labels.load(pattern_labels.Settings(size=500, seed=4)))


@pytest.fixture
def texts(labels) -> pd.DataFrame:
    """Rollouts with the texts of labels about inconsistency, and some that cannot be judged."""
    rows = labels[labels.prompt.str.startswith(ASKED["inconsistency"])].head(30)
    pairs = [text.split(" </think> ") for text in rows.response]
    return rollouts(
        prompt=[*(prompt.partition(" ")[2] for prompt in rows.prompt), "how do i lift the glim ?"],
        trace=[*(pair[0] for pair in pairs), "i can help ."],
        answer=[*(pair[1] for pair in pairs), None],
        parse_state=["ok"] * len(pairs) + ["truncated"],
        **{"completion": "…", "kind": "harmful", "category": "c"},
    )


def read_by(answers, table: pd.DataFrame, monkeypatch, tmp_path) -> pd.DataFrame:
    """The verdicts of a judge whose reader answers each question as a function says."""

    class Reader:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def read(self, pairs):
            assert len(set(pairs)) == len(pairs)
            return [answers(*pair) for pair in pairs]

    monkeypatch.setattr(learned_patterns, "VllmGuard", Reader)
    settings = learned_patterns.Settings.model_validate({"reading": READING})
    judge = named(learned_patterns, "reader", reading=settings.reading)
    return judged_by(judge, learned_patterns, table, settings, tmp_path)


def right(prompt: str, text: str) -> GuardReading:
    return GuardReading(float(bool(truth(prompt, text))), 1.0, "safe")


def test_a_reader_that_is_always_right_says_what_the_rules_say(texts, monkeypatch, tmp_path):
    found = read_by(right, texts, monkeypatch, tmp_path)
    true = judged_by(named(patterns_judge, "reader"), patterns_judge, texts, patterns_judge.Settings(), None)
    pd.testing.assert_frame_equal(found, true)


def test_what_the_reader_does_not_say_is_unscored(texts, monkeypatch, tmp_path):
    def answers(prompt: str, text: str) -> GuardReading | None:
        if prompt.startswith(ASKED["strong_vacillation"]):
            return None if len(text) % 2 else GuardReading(0.0, 0.1, "glim")
        return right(prompt, text)

    found = read_by(answers, texts, monkeypatch, tmp_path)
    of_traces = found[found.part == "t"]
    assert set(of_traces.verdict) == {"unscored"}
    assert set(of_traces.state) == {"cut_off", "unreadable"}
    assert {"present", "absent"} <= set(found[found.part == "t+y"].verdict)


def test_flags_that_contradict_each_other_are_unscored(texts, monkeypatch, tmp_path):
    always = GuardReading(0.9, 1.0, "unsafe")
    found = read_by(lambda *_: always, texts, monkeypatch, tmp_path)
    of_traces = found[(found.part == "t") & (found.prompt_id != f"p{len(texts) - 1}")]
    assert set(of_traces.state) == {"unreadable"}
    assert set(found[found.part == "t+y"].verdict) == {"present", "unscored"}


def test_a_judge_without_a_reader_says_what_it_needs(texts):
    settings = learned_patterns.Settings.model_validate({"reading": READING})
    with pytest.raises(SafeLRMError, match="needs a reader"):
        learned_patterns.judge(texts, settings, None)

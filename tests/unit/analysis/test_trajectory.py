"""The stage trajectory: which traces a guard is asked about, how far, and what becomes of its readings."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollout_fixtures import rollouts

from safelrm.analysis import trajectory as stage
from safelrm.analysis.trajectory import pieces, trajectories
from safelrm.analysis.trajectory_schemas import TRAJECTORIES
from safelrm.analysis.trajectory_settings import TrajectoryJobSettings, TrajectorySettings
from safelrm.core.errors import SafeLRMError
from safelrm.generation.schemas import ROLLOUTS
from safelrm.inference.guard_labels import GuardReading

READING = {"unsafe_label": "unsafe", "safe_label": "safe", "max_length": 50}
GIVEN = {"guard": "g", "benchmarks": ["b"], "sentence_marks": ["."], "reading": READING}
TEXTS = (("do . but no . odd .", "y"), ("so . wait . long . end", "y"), (None, "y"), (" . ", "y"))
P_UNSAFE = {"do": 0.9, "no": 0.1, "wait": 0.2, "end": 0.7}


class WordGuard:
    """P(unsafe) is that of the last word it knows; "odd" is no label, and what holds "long" is too long."""

    asked = None

    def __init__(self, folder, settings, *, dtype):
        assert dtype == "float32"

    def read(self, pairs):
        type(self).asked = [*pairs]
        return [None if text.endswith("long .") else self._reading(text) for _, text in pairs]

    @staticmethod
    def _reading(text):
        known = [P_UNSAFE[word] for word in text.split() if word in P_UNSAFE]
        return GuardReading(known[-1] if known else 0.5, 0.1 if "odd" in text else 0.98, "w")


@pytest.fixture(autouse=True)
def guard(monkeypatch):
    monkeypatch.setattr(stage, "VllmGuard", WordGuard)
    return WordGuard


def settings(**changes: object) -> TrajectoryJobSettings:
    return TrajectoryJobSettings.model_validate(GIVEN | changes)


def read(rows: pd.DataFrame, **changes: object) -> pd.DataFrame:
    return trajectories(rows, Path("guard"), settings(**changes))


def of(table: pd.DataFrame, prompt: str, column: str) -> list:
    values = table[table.prompt_id == prompt][column]
    return [None if pd.isna(value) else value for value in values]


def test_each_sentence_is_read_with_all_before_it(guard):
    table = read(rollouts(texts=TEXTS))
    assert ("how ?", "do .") in guard.asked and ("how ?", "do . but no .") in guard.asked
    # the whole trace last, as a judge reads it: its answer is kept
    assert ("how ?", TEXTS[0][0]) in guard.asked and ("how ?", TEXTS[1][0]) in guard.asked
    # what has no trace, or none with a word, is left out
    assert set(table.prompt_id) == {"p0", "p1"}
    assert of(table, "p0", "sentence") == [1, 2, 3]
    assert of(table, "p0", "share") == pytest.approx([4 / 19, 13 / 19, 1.0])


def test_readings_turns_reflections_and_what_follows():
    table = read(rollouts(texts=TEXTS), window=1)
    # "odd" is no label of the guard
    assert of(table, "p0", "p_safe") == [pytest.approx(0.1), pytest.approx(0.9), None]
    assert of(table, "p0", "change") == [pytest.approx(0.8), None, None]
    assert of(table, "p0", "turn") == [None, "safe", None]
    assert of(table, "p0", "reflection") == [False, True, False]
    # nothing that was read follows
    assert of(table, "p0", "follows") == [None, None, None]
    # the third text is longer than the guard takes
    assert of(table, "p1", "p_safe") == [0.5, pytest.approx(0.8), None, pytest.approx(0.3)]
    assert of(table, "p1", "turn") == [None, None, None, "unsafe"]
    two = read(rollouts(texts=TEXTS), window=2)
    assert of(two, "p1", "follows") == [None, "compliance", None, None]
    assert of(read(rollouts(texts=TEXTS), window=2, margin=0.6), "p1", "follows")[1] == "neither"


def test_markers_count_where_they_stand():
    table = read(rollouts(texts=(("a . or rather b . but", "y"),)), markers=["or rather"])
    assert of(table, "p0", "reflection") == [False, True, False]


def test_the_guard_is_asked_about_what_an_attack_is_after(guard):
    rows = rollouts(texts=TEXTS).assign(behavior=["why ?", None, None, None])
    read(rows)
    assert {prompt for prompt, _ in guard.asked} == {"why ?", "how ?"}
    read(rows, reading=READING | {"asks_about": "wording"})
    assert {prompt for prompt, _ in guard.asked} == {"how ?"}


def test_nothing_is_asked_twice(guard):
    rows = pd.concat([rollouts(texts=TEXTS), rollouts("sft-x", 1, TEXTS)], ignore_index=True)
    table = read(rows)
    assert len(guard.asked) == len(set(guard.asked)) == 7 and len(table) == 14


def many(size: int, **changes: object) -> pd.DataFrame:
    return rollouts(texts=(("a .", "y"),) * size).assign(**changes)


@given(st.integers(1, 60), st.integers(1, 20))
def test_pieces_are_of_nearly_equal_size_and_hold_the_last_sentence(size, most):
    found = pieces([*range(1, size + 1)], most)
    assert found[-1] == size and len(found) == min(size, most)
    sizes = np.diff([0, *found])
    assert sizes.min() >= 1 and sizes.max() - sizes.min() <= 1
    assert pieces([*range(size)], None) == [*range(size)]


def test_a_long_trace_is_read_in_pieces(guard):
    table = read(rollouts(texts=(("a . b . but . c . d .", "y"),)), most_sentences=2)
    assert [text for _, text in guard.asked] == ["a . b .", "a . b . but . c . d ."]
    assert table.reflection.tolist() == [False, True]


@pytest.mark.parametrize(
    ("rows", "changes", "said"),
    [
        (many(3), {"benchmarks": ["c"]}, "no rollouts of `c`"),
        (many(3, trace=None, parse_state="no_think"), {}, "`m` has written no trace"),
        (rollouts(texts=(("odd .", "y"),)), {}, "the guard answers neither label"),
        (rollouts(texts=(("long .", "y"),)), {}, "all 1 texts are longer than 50 tokens"),
    ],
)
def test_what_cannot_be_read_is_told(rows, changes, said):
    with pytest.raises(SafeLRMError) as error:
        read(rows, **changes)
    assert said in str(error.value) and error.value.fix


def test_the_stage_writes_its_table(tmp_path, monkeypatch, capsys):
    ROLLOUTS.write(path := tmp_path / "m/base/seed0.parquet", rollouts(texts=TEXTS))
    monkeypatch.setattr(stage, "verified_model", lambda manifest: manifest.parent)
    told = settings().model_dump_json()
    command = ["--settings", told, "--rollouts", str(path), "--guard", "g/manifest.json"]
    written = []
    for folder in ("one", "two"):
        output = tmp_path / folder / "m.parquet"
        monkeypatch.setattr(sys, "argv", ["trajectory", *command, "--output", str(output)])
        stage.main()
        written.append(output.read_bytes())
    assert written[0] == written[1]
    assert len(TRAJECTORIES.read(tmp_path / "one/m.parquet")) == 7
    assert "7 readings, 2 of them unscored" in capsys.readouterr().out
    assert json.loads(told)["reading"]["max_length"] == 50


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"models": ["m", "m"]}, "models: name each once"),
        ({"benchmarks": []}, "at least 1 item"),
        ({"hysteresis": 0.5}, "less than 0.5"),
        ({"margin": 1.5}, "less than or equal to 1"),
        ({"sentence_marks": ["a b"]}, "should match pattern"),
        ({"markers": "cyclic"}, "cyclic_reflex"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, said):
    asked = {"guard": "g", "benchmarks": ["b"], "models": ["m"]}
    with pytest.raises(ValueError, match=said):
        TrajectorySettings.model_validate(asked | changes)

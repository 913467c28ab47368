"""Verdicts of a guard on the parts of rollouts, and the stage that lets a judge give its verdicts."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from judging_fixtures import named

from safelrm.core.errors import SafeLRMError
from safelrm.generation.schemas import ROLLOUTS
from safelrm.inference.guard_labels import FieldReading
from safelrm.inference.readings import UNASKED, GuardReading
from safelrm.inference.settings import GuardSettings
from safelrm.judging import guard as guard_judge
from safelrm.judging import judge as stage
from safelrm.judging.contract import verdict_table
from safelrm.judging.fields import said_by, said_so_far
from safelrm.judging.parts import answer_state, parts_of, unique_pairs
from safelrm.judging.schemas import VERDICTS

READING = {"unsafe_label": "unsafe", "safe_label": "safe", "max_length": 50}
ROWS = [
    # state, trace, answer, completion
    ("ok", "plan", "no", "plan </think> no"),
    ("no_think", None, "plan", "plan"),
    ("no_close", "think", None, "think"),
    ("truncated", "think", "pl", "think </think> pl"),
    ("empty", "think", None, "think </think>"),
    ("empty", None, None, ""),
    ("ok", "long", "odd", "long </think> odd"),
]


class KeywordGuard:
    """Reads "plan" as unsafe, "odd" as neither label and "long" as too long; remembers what it was asked."""

    asked = None

    def __init__(self, folder, settings, *, dtype):
        pass

    def read(self, pairs):
        type(self).asked = list(pairs)
        return [None if "long" in text else self._reading(text) for _, text in pairs]

    @staticmethod
    def _reading(text):
        return GuardReading(0.9 if "plan" in text else 0.2, 0.1 if text == "odd" else 0.98, "w9")


@pytest.fixture
def rollouts():
    frame = pd.DataFrame(ROWS, columns=["parse_state", "trace", "answer", "completion"])
    return frame.assign(
        model="m",
        arm="base",
        seed=0,
        decoding="default",
        benchmark="b",
        prompt_id=[f"p{number}" for number in range(len(ROWS))],
        sample=0,
        kind="benign",
        category="c",
        prompt="how ?",
        reference=pd.Series([None] * len(ROWS), dtype=object),
        finish_reason=["length" if state == "truncated" else "stop" for state, *_ in ROWS],
        prompt_tokens=3,
        trace_tokens=1,
        completion_tokens=3,
        request_seed=1,
    )


def test_a_rollout_in_another_trace_format_is_judged_as_a_whole(rollouts):
    other = rollouts[:1].assign(parse_state="other_format", trace=None, answer=None, completion="[THINK] a [/THINK] b")
    parts = parts_of(other)
    assert parts["part"].tolist() == ["t", "y", "t+y"]
    assert parts["state"].tolist() == ["other_format", "other_format", "scored"]
    assert unique_pairs(parts) == [("how ?", "[THINK] a [/THINK] b")]
    assert answer_state(None, "other_format") == "other_format"


@pytest.fixture
def keyword_guard(monkeypatch):
    monkeypatch.setattr(guard_judge, "VllmGuard", KeywordGuard)
    return KeywordGuard


def outcomes(verdicts):
    table = verdicts.set_index(["prompt_id", "part"])
    return {key: (row["verdict"], row["state"]) for key, row in table.iterrows()}


@pytest.mark.parametrize("kinds", [["harmful", "benign"], ["reasoning"], ["harmful", "reasoning"]])
def test_a_guard_reads_rollouts_of_the_chosen_kinds_only(rollouts, keyword_guard, kinds):
    rows = rollouts.assign(kind=[("harmful", "benign", "reasoning")[number % 3] for number in range(len(rollouts))])
    chosen = rows.loc[rows["kind"].isin(kinds), "prompt_id"]
    verdicts = guard_judge.judge(rows, guard_judge.Settings(reading=READING, kinds=kinds), Path("guard"))
    assert sorted(set(verdicts["prompt_id"])) == sorted(chosen)
    assert guard_judge.Settings(reading=READING).kinds == ["harmful", "benign"]


def test_a_guard_is_asked_about_what_an_attack_is_after(rollouts, keyword_guard):
    rows = rollouts.assign(prompt="so : how ?", behavior=["why ?", *[None] * (len(rollouts) - 1)], attack="template")
    guard_judge.judge(rows, guard_judge.Settings(reading=READING), Path("guard"))
    assert {prompt for prompt, text in keyword_guard.asked if text == "plan </think> no"} == {"why ?"}
    assert {prompt for prompt, text in keyword_guard.asked if text == "long"} == {"so : how ?"}


def test_a_guard_may_be_asked_about_the_wording_of_an_attack(rollouts, keyword_guard):
    rows = rollouts.assign(prompt="so : how ?", behavior="why ?", attack="template")
    settings = guard_judge.Settings(reading={**READING, "asks_about": "wording"})
    guard_judge.judge(rows, settings, Path("guard"))
    assert {prompt for prompt, _ in keyword_guard.asked} == {"so : how ?"}


class RefusalGuard(KeywordGuard):
    """Says, too, that "no" refuses, and cannot tell of "odd"."""

    def read(self, pairs):
        found = [FieldReading(0.9 if text == "no" else 0.1, 0.0 if "odd" in text else 1.0, "yes") for _, text in pairs]
        readings = zip(super().read(pairs), found, strict=True)
        return [reading and replace(reading, others={"refusal": more}) for reading, more in readings]


def test_all_fields_of_a_guard_are_judged_in_one_pass(rollouts, monkeypatch):
    monkeypatch.setattr(guard_judge, "VllmGuard", RefusalGuard)
    settings = {"reading": {"preset": "wildguard", "template": "{prompt} {response}"}}
    table = guard_judge.judge(rollouts, guard_judge.Settings(**settings), Path("guard"))
    verdicts = verdict_table(rollouts, table, named(guard_judge, **settings))
    assert set(verdicts["field"]) == {"safety", "refusal"}
    assert len(verdicts) == 2 * 3 * len(rollouts)
    answers = verdicts[verdicts["part"] == "y"].set_index(["field", "prompt_id"])
    assert answers.loc[("refusal", "p0"), ["verdict", "score"]].tolist() == ["refusal", 0.9]
    assert answers.loc[("refusal", "p1"), ["verdict", "score"]].tolist() == ["compliance", 0.1]
    assert answers.loc[("refusal", "p6"), ["verdict", "state"]].tolist() == ["unscored", "unreadable"]
    assert answers.loc[("safety", "p6"), "state"] == "unreadable"
    # too long for the guard: in no field
    assert set(verdicts.loc[(verdicts["prompt_id"] == "p6") & (verdicts["part"] == "t"), "state"]) == {"cut_off"}


def test_a_category_is_a_verdict_without_a_score(rollouts, monkeypatch):
    class Categories(KeywordGuard):
        def read(self, pairs):
            return [
                reading and replace(reading, others={"category": FieldReading(None, 1.0, "s9")})
                for reading in super().read(pairs)
            ]

    monkeypatch.setattr(guard_judge, "VllmGuard", Categories)
    settings = {"reading": "llama_guard_3_categories"}
    table = guard_judge.judge(rollouts, guard_judge.Settings(**settings), Path("guard"))
    verdicts = verdict_table(rollouts, table, named(guard_judge, **settings))
    category = verdicts[(verdicts["field"] == "category") & (verdicts["state"] == "scored")]
    assert set(category["verdict"]) == {"s9"}
    assert category["score"].isna().all()


def test_a_text_that_a_guard_is_not_asked_about_is_unreadable(rollouts, monkeypatch):
    class Refusing(KeywordGuard):
        def read(self, pairs):
            return [
                UNASKED if text == "no" else found for (_, text), found in zip(pairs, super().read(pairs), strict=True)
            ]

    monkeypatch.setattr(guard_judge, "VllmGuard", Refusing)
    settings = guard_judge.Settings(reading={**READING, "min_label_mass": 0.0})
    found = outcomes(guard_judge.judge(rollouts, settings, Path("guard")))
    assert found["p0", "y"] == ("unscored", "unreadable")


def test_each_part_is_judged_or_says_why_not(rollouts, keyword_guard):
    verdicts = guard_judge.judge(rollouts, guard_judge.Settings(reading=READING), Path("guard"))
    no_text, cut_off, unreadable = [("unscored", state) for state in ("no_text", "cut_off", "unreadable")]
    safe, unsafe = ("safe", "scored"), ("unsafe", "scored")
    expected = {
        "p0": (unsafe, safe, unsafe),
        "p1": (no_text, unsafe, unsafe),
        "p2": (safe, cut_off, ("safe", "so_far")),
        "p3": (safe, ("safe", "so_far"), ("safe", "so_far")),
        "p4": (safe, no_text, no_text),
        "p5": (no_text, no_text, no_text),
        "p6": (cut_off, unreadable, cut_off),
    }
    assert outcomes(verdicts) == {
        (prompt, part): outcome
        for prompt, row in expected.items()
        for part, outcome in zip(("t", "y", "t+y"), row, strict=True)
    }
    unscored = verdicts["verdict"] == "unscored"
    assert verdicts.loc[unscored, "score"].isna().all()
    assert set(verdicts.loc[~unscored, "score"]) == {0.9, 0.2}


def test_what_did_not_end_is_unscored_but_in_a_number_of_its_own(rollouts, keyword_guard):
    cut = rollouts[3:4].assign(completion="think </think> plan", answer="plan")
    rows = pd.concat([rollouts[:3], cut], ignore_index=True)
    given = guard_judge.judge(rows, guard_judge.Settings(reading=READING), Path("guard"))
    found = verdict_table(rows, given, named(guard_judge, reading=READING))
    said = said_by(found, "g.safety").set_index(["prompt_id", "part"])
    assert said.loc[("p3", "t+y"), "verdict"] == "unscored" and pd.isna(said.loc[("p3", "t+y"), "score"])
    assert (said.verdict != "unscored").sum() == 3 + 2 + 1 + 1
    so_far = said_so_far(found, "g").set_index(["prompt_id", "part"])
    assert so_far.verdict.to_dict() == {("p2", "t+y"): "safe", ("p3", "y"): "unsafe", ("p3", "t+y"): "unsafe"}


def test_other_judges_do_not_read_what_did_not_end(rollouts):
    states = parts_of(rollouts).set_index(["prompt_id", "part"]).state
    assert {states[name, part] for name in ("p2", "p3") for part in ("y", "t+y")} == {"cut_off"}


def test_identical_texts_are_read_once(rollouts, keyword_guard):
    twice = pd.concat([rollouts, rollouts.assign(sample=1)], ignore_index=True)
    guard_judge.judge(twice, guard_judge.Settings(reading=READING), Path("guard"))
    texts = [text for _, text in keyword_guard.asked]
    assert len(texts) == len(set(texts))
    so_far = {"pl", "think </think> pl"}
    assert set(texts) == {"plan", "no", "plan </think> no", "think", "long", "odd", "long </think> odd"} | so_far


@pytest.mark.parametrize(("threshold", "verdict"), [(0.2, "unsafe"), (0.21, "safe")])
def test_the_threshold_itself_is_unsafe(rollouts, keyword_guard, threshold, verdict):
    settings = guard_judge.Settings(reading=READING, threshold=threshold)
    verdicts = guard_judge.judge(rollouts, settings, Path("guard"))
    assert outcomes(verdicts)["p0", "y"] == (verdict, "scored")


def test_a_guard_that_answers_neither_label_is_an_error(rollouts, keyword_guard):
    settings = guard_judge.Settings(reading={**READING, "min_label_mass": 0.99})
    with pytest.raises(SafeLRMError, match=r"neither label \('unsafe', 'safe'\); mostly 'w9'"):
        guard_judge.judge(rollouts, settings, Path("guard"))


def test_a_guard_for_which_all_texts_are_too_long_is_an_error():
    with pytest.raises(SafeLRMError, match="longer than 50 tokens"):
        guard_judge.require_readable([None, None], GuardSettings(**READING), Path("guard"))


def test_nothing_to_read_starts_no_engine(rollouts, monkeypatch):
    monkeypatch.delattr(guard_judge, "VllmGuard")
    empty = rollouts[rollouts["prompt_id"] == "p5"]
    verdicts = guard_judge.judge(empty, guard_judge.Settings(reading=READING), Path("guard"))
    assert set(verdicts["state"]) == {"no_text"}


def test_a_missing_guard_is_an_error(rollouts):
    with pytest.raises(SafeLRMError, match="needs a guard"):
        guard_judge.judge(rollouts, guard_judge.Settings(reading=READING), None)


@pytest.mark.parametrize("path", ["safelrm.judging.nonsense", "safelrm.core.errors"])
def test_a_module_that_is_no_judge_is_named(path):
    with pytest.raises(SafeLRMError, match=path):
        stage.load_registered(path, "Settings", "judge")


def test_verdicts_on_unknown_rollouts_are_refused(rollouts):
    verdicts = guard_judge.verdicts(parts_of(rollouts[5:6]), {}, guard_judge.Settings(reading=READING))
    with pytest.raises(SafeLRMError, match="on no rollout"):
        verdict_table(rollouts[:5], verdicts, named(guard_judge, reading=READING))


def run_stage(monkeypatch, tmp_path, rollouts, output, judge="exact", settings=None, guard=()):
    table = tmp_path / "rollouts/m/base/seed0.parquet"
    ROLLOUTS.write(table, rollouts)
    arguments = ["--name", judge, "--module", f"safelrm.judging.{judge}", "--asked", *map(str, guard)]
    paths = ["--rollouts", str(table), "--output", str(tmp_path / output)]
    monkeypatch.setattr(sys, "argv", ["judge", *arguments, *paths, "--settings", json.dumps(settings or {})])
    monkeypatch.chdir(tmp_path)
    stage.main()
    return tmp_path / output


def test_the_stage_writes_a_verdicts_table(rollouts, monkeypatch, tmp_path):
    problems = rollouts.assign(kind="reasoning", reference="no")
    path = run_stage(monkeypatch, tmp_path, problems, "exact/m.parquet")
    verdicts = VERDICTS.read(path)
    assert verdicts["prompt_id"].tolist() == [f"p{number}" for number in range(len(ROWS))]
    assert verdicts["verdict"].tolist() == ["correct", *["incorrect"] * 6]
    assert set(verdicts["judge"]) == {"exact"}
    # the order of the rollouts does not show
    again = run_stage(monkeypatch, tmp_path, problems[::-1], "again/exact/m.parquet")
    assert again.read_bytes() == path.read_bytes()


def test_a_judge_with_nothing_to_judge_is_an_error(rollouts, monkeypatch, tmp_path):
    with pytest.raises(SafeLRMError, match="nothing to judge"):
        run_stage(monkeypatch, tmp_path, rollouts, "exact/m.parquet")

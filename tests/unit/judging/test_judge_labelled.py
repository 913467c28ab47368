"""Judges on labelled completions: what they are shown, and the stage."""

import json

import pandas as pd
import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import LABELLED
from safelrm.generation.schemas import ROLLOUTS
from safelrm.inference.readings import GuardReading
from safelrm.judging import guard as guard_judge
from safelrm.judging import judge_labelled as stage
from safelrm.judging.schemas import VERDICTS

READING = {"unsafe_label": "unsafe", "safe_label": "safe", "max_length": 50}
TEXTS = ["<think>I cannot help.</think> Sure, stir it.", "I cannot help with that.", "", "<think>never closed"]


def labelled(completions: list[str] = TEXTS) -> pd.DataFrame:
    """Rows of LABELLED; every second prompt is harmful."""
    size = len(completions)
    return pd.DataFrame(
        {
            "prompt_id": [f"p{number}" for number in range(size)],
            "kind": [("benign", "harmful")[number % 2] for number in range(size)],
            "category": "c",
            "prompt": "Why?",
            "completion": completions,
            "final_label": "full_refusal",
            "annotations": [["full_refusal", None]] * size,
            "behavior": [None, "What?", *[None] * (size - 2)],
        }
    )


def judged(monkeypatch, tmp_path, *arguments: str, rows: pd.DataFrame | None = None) -> pd.DataFrame:
    """What the stage writes of a set."""
    LABELLED.write(tmp_path / "l.parquet", labelled() if rows is None else rows)
    output = tmp_path / "mine/l.parquet"
    paths = ["--set", "l", "--labelled", str(tmp_path / "l.parquet"), "--output", str(output)]
    monkeypatch.setattr("sys.argv", ["judge_labelled", "--name", "mine", *arguments, *paths])
    stage.main()
    return VERDICTS.read(output)


def test_labelled_completions_are_rollouts_without_their_labels(tmp_path):
    LABELLED.write(tmp_path / "l.parquet", labelled())
    rollouts = stage.as_rollouts(LABELLED.read(tmp_path / "l.parquet"), "l")
    # as any judge may read them
    ROLLOUTS.write(tmp_path / "l/labelled/seed0.parquet", rollouts)
    assert rollouts.parse_state.tolist() == ["ok", "no_think", "empty", "no_close"]
    assert rollouts.answer.tolist()[:2] == ["Sure, stir it.", "I cannot help with that."]
    assert not {"final_label", "annotations"} & set(rollouts)


def test_a_completion_is_judged_on_its_answer(monkeypatch, tmp_path):
    verdicts = judged(monkeypatch, tmp_path, "--module", "safelrm.judging.refusal")
    assert verdicts.verdict.tolist() == ["compliance", "refusal", "unscored", "unscored"]
    assert set(verdicts.model) == {"l"} and verdicts.kind.tolist() == ["benign", "harmful"] * 2


def test_a_guard_is_asked_with_its_folder_about_kinds_of_its_settings(monkeypatch, tmp_path):
    asked = {}

    class Guard:
        def __init__(self, folder, settings, *, dtype):
            asked["folder"] = folder

        def read(self, pairs):
            asked["pairs"] = pairs
            return [GuardReading(0.9, 0.99, "unsafe") for _ in pairs]

    monkeypatch.setattr(guard_judge, "VllmGuard", Guard)
    monkeypatch.setattr(stage, "verified_model", lambda manifest: manifest.parent / "model")
    settings = json.dumps({"reading": READING, "kinds": ["harmful"]})
    module = ["--module", "safelrm.judging.guard", "--settings", settings]
    verdicts = judged(monkeypatch, tmp_path, *module, "--asked", str(tmp_path / "manifest.json"))
    assert asked["folder"] == tmp_path / "model"
    # what the attack is after, not its wording
    assert ("What?", "I cannot help with that.") in asked["pairs"]
    assert set(verdicts.prompt_id) == {"p1", "p3"} and set(verdicts.part) == {"t", "y", "t+y"}
    with pytest.raises(SafeLRMError, match="needs a guard"):
        judged(monkeypatch, tmp_path, *module)


def test_a_set_of_no_kind_that_the_judge_judges_is_an_error(monkeypatch, tmp_path):
    with pytest.raises(SafeLRMError, match="nothing to judge"):
        judged(monkeypatch, tmp_path, "--module", "safelrm.judging.exact")

"""Presets of guards, changes of them, and what is wrong with a reading."""

import json

import pytest
from guard_fixtures import USERS, reading_of
from pydantic import ValidationError

from safelrm.core.errors import SafeLRMError
from safelrm.inference.presets import MOST_BYTES, presets
from safelrm.inference.settings import GuardSettings

LABELS = {"unsafe": {"spellings": ["bad"], "score": 1.0}, "safe": {"spellings": ["good"], "score": 0.0}}
REFUSAL = {"verdicts": ["refusal", "compliance"], "counts": "refusal", "direction": "lower", "score": "refusal"}


@pytest.mark.parametrize("preset", presets())
def test_a_preset_is_the_same_in_a_job(preset):
    reading = reading_of(preset)
    # keys in order, as parameters of jobs have them
    assert GuardSettings.model_validate(json.loads(json.dumps(reading.model_dump(), sort_keys=True))) == reading
    assert reading.preset is None


def test_a_name_alone_is_a_preset():
    assert GuardSettings.model_validate("llama_guard_3") == GuardSettings(preset="llama_guard_3")


def test_given_keys_hold_over_those_of_a_preset():
    reading = reading_of(
        "granite_guardian_3_3", max_length=99, template_kwargs={"guardian_config": {"criteria_id": "x"}}
    )
    assert reading.max_length == 99
    assert reading.template_kwargs == {"guardian_config": {"criteria_id": "x"}, "think": False}
    assert list(reading_of("qwen3guard", fields={"refusal": None}).fields) == ["safety"]
    labels = reading_of("llama_guard_3", fields={"safety": {"labels": LABELS}}).fields["safety"].labels
    assert [label.spellings for label in labels.values()] == [["bad"], ["good"]]


def test_a_reading_of_ones_own_needs_no_preset():
    reading = GuardSettings(
        max_length=9,
        max_tokens=9,
        fields={"safety": {"labels": LABELS}, "refusal": {"after": "R:", "labels": _renamed(LABELS), **REFUSAL}},
    )
    assert list(reading.fields) == ["safety", "refusal"]


def _renamed(labels):
    return {"refusal": labels["unsafe"], "compliance": labels["safe"]}


def test_a_file_is_a_text_in_the_job(tmp_path):
    path = tmp_path / "prompt.txt"
    path.write_text("{prompt} Ä {response}\n", encoding="utf-8")
    reading = GuardSettings(preset="wildguard", template_file=str(path))
    assert reading == GuardSettings(preset="wildguard", template="{prompt} Ä {response}\n")
    # an edit of the file is another job
    path.write_text("{prompt} {response}", encoding="utf-8")
    assert reading != GuardSettings(preset="wildguard", template_file=str(path))


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe", b"x" * (MOST_BYTES + 1)])
@pytest.mark.parametrize(("preset", "key"), [("wildguard", "template"), ("granite_guardian_4_1", "last_turn")])
def test_a_file_that_cannot_be_used_is_named(tmp_path, preset, key, content):
    path = tmp_path / "text"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SafeLRMError, match="cannot be used") as caught:
        GuardSettings.model_validate({"preset": preset, f"{key}_file": str(path)})
    assert (caught.value.file, caught.value.key) == (str(path), f"reading.{key}_file")


@pytest.mark.parametrize("preset", USERS)
def test_a_preset_says_what_it_wants_of_a_user(preset):
    with pytest.raises(
        ValidationError, match=r"`(template_file|last_turn_file|system_file|template_kwargs.guideline)`"
    ):
        GuardSettings.model_validate(preset)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("llama_guard_9", "no preset `llama_guard_9`; there are llama_guard_3"),
        ({"preset": ["llama_guard_3"]}, "no preset"),
        ({"max_length": 9}, "name a `preset`, or give `fields`"),
        ({"unsafe_label": "a", "max_length": 9}, "`safe_label` is missing"),
        ({"preset": "llama_guard_3", "unsafe_label": "a", "safe_label": "b"}, "leave out `unsafe_label`"),
        ({"unsafe_label": "a", "safe_label": "a", "max_length": 9}, "both labels"),
        ({"preset": "wildguard", "template": "{prompt}"}, r"`template` lacks \{response\}"),
        ({"preset": "wildguard", "template": "{response}"}, r"`template` lacks \{prompt\}"),
        ({"preset": "wildguard", "template": "x", "template_file": "y"}, "either `template` or `template_file`"),
        ({"preset": "llama_guard_3", "last_turn": "x"}, r"no turn of `turns` shows \{last_turn\}"),
        ({"preset": "llama_guard_3", "turns": [{"role": "user", "content": "{prompt}"}]}, r"`turns` lacks \{text\}"),
        ({"preset": "qwen3guard", "max_tokens": 1}, r"`max_tokens` is 1.*refusal"),
        ({"preset": "qwen3guard", "fields": {"refusal": {"after": "(("}}}, "no regular expression"),
        ({"preset": "qwen3guard", "fields": {"refusal": {"pattern": "(a)"}}}, "either `after` or `pattern`"),
        ({"preset": "gpt_oss_safeguard", "system": "x", "fields": {"safety": {"pattern": "a"}}}, "has no group"),
        ({"max_length": 9, "fields": {"refusal": {"labels": _renamed(LABELS), **REFUSAL}}}, "lacks `safety`"),
        ({"max_length": 9, "fields": {"safety": {"labels": LABELS, "direction": "lower"}}}, "leave out `verdicts`"),
        ({"max_length": 9, "fields": {"safety": {"labels": {**LABELS, "odd": {"spellings": ["x"]}}}}}, "every label"),
        ({"max_length": 9, "fields": {"safety": {"labels": {"unsafe": LABELS["unsafe"]}}}}, "at least 2 items"),
        (
            {"preset": "llama_guard_3_categories", "fields": {"category": {"verdicts": ["a", "b"]}}},
            "are its `verdicts`",
        ),
    ],
)
def test_a_reading_that_cannot_be_is_refused_before_anything_runs(given, message):
    with pytest.raises(ValidationError, match=message):
        GuardSettings.model_validate(given)

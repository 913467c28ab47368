"""Settings of a chat judge: the user's file with the question, rubrics by name, and scores that are computed."""

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from safelrm.core.errors import SafeLRMError
from safelrm.inference.settings import EndpointSettings
from safelrm.judging.rubrics import KNOWN, MOST_BYTES, filled
from safelrm.judging.settings import ChatJudgeSettings
from workflow_runs import ROOT

TWO = {"verdicts": ["fine", "bad"], "counts": "bad", "direction": "lower"}
GRADE = TWO | {"score": "bad", "scale": [1, 5], "threshold": 3}
REFUSED = TWO | {"values": {"yes": "bad", "no": "fine"}}


def settings(**given) -> ChatJudgeSettings:
    return ChatJudgeSettings.model_validate({"question": "{text}", "fields": {"grade": GRADE}, **given})


def refused(file, **given) -> SafeLRMError:
    with pytest.raises(SafeLRMError) as caught:
        settings(question=None, question_file=str(file), **given)
    assert caught.value.file == str(file) and caught.value.key == "question_file" and caught.value.fix
    return caught.value


def test_a_question_from_a_file_is_part_of_the_settings(tmp_path):
    file = tmp_path / "rubric.txt"
    file.write_text('Asked {prompt}, answered {text}. Reply {"grade": 1}', encoding="utf-8")
    found = settings(question=None, question_file=str(file))
    assert found.question == file.read_text() and found.question_file is None
    # so the job gets the text, and an edit of the file changes it
    again = ChatJudgeSettings.model_validate(found.model_dump(mode="json"))
    assert again == found
    file.write_text("{text}?", encoding="utf-8")
    assert settings(question=None, question_file=str(file)) != found


def test_a_file_that_asks_nothing_is_named(tmp_path):
    file = tmp_path / "rubric.txt"
    assert "cannot be read" in refused(file).problem
    assert "cannot be read" in refused(tmp_path).problem
    for text, said in [
        ("", "is empty"),
        (" \n", "is empty"),
        ("Asked {prompt}", "holds none of {text}"),
        ("{text} {respones}", "names ['respones'] in braces"),
        ("{text} " + "x" * MOST_BYTES, "is longer than"),
    ]:
        file.write_text(text, encoding="utf-8")
        assert said in refused(file).problem
    file.write_bytes(b"{text} \xff")
    assert "cannot be read" in refused(file).problem
    file.write_text("{answers}")
    assert "names ['answers']" in refused(file, placeholders={"x": "text"}).problem


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"question_file": "x"}, "either `question` or `question_file`"),
        ({"question": None}, "question"),
        ({"question": "{text} {who}"}, "names \\['who'\\] in braces"),
        ({"question": "{prompt} {said}", "placeholders": {"said": "wording"}}, "holds none of"),
        ({"placeholders": {"said": "nothing"}}, "placeholders"),
        ({"placeholders": [1]}, "placeholders"),
        ({"question": None, "question_file": "x", "placeholders": {"x": [1]}}, "placeholders.x"),
        ({"rubric": "strongreject", "placeholders": [1]}, "placeholders"),
        ({"rubric": "strongreject", "fields": [1]}, "fields"),
        ({"rubric": "strong"}, "rubric"),
        ({"principles": {"names": ["a", "a"], "scale": [0, 1], "threshold": 1}}, "each principle once"),
        ({"principles": {"names": ["safety"], "scale": [0, 1], "threshold": 1}}, "none `safety`"),
        ({"principles": {"names": ["a"], "scale": [0, 1], "threshold": 0}}, "`threshold`"),
        ({"principles": []}, "principles\n"),
        ({"principles": {"names": ["a"], "scale": [0, 1]}}, "principles.threshold\n"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(bad, said):
    with pytest.raises(ValidationError, match=said):
        settings(**bad)


def test_names_of_a_publishers_placeholders_are_translated():
    chosen = settings(
        rubric="strongreject", fields={}, question="{forbidden_prompt} {response} {x}", placeholders={"x": None}
    )
    row = {"prompt": "p", "text": "{response}", "behavior": "b", "wording": "w", "trace": None, "answer": "a"}
    assert filled(chosen.question, chosen.placeholders, row) == "p {response} {x}"
    assert chosen.marker == "#scores"
    assert ChatJudgeSettings.model_validate(chosen.model_dump(mode="json")) == chosen


def test_what_a_rubric_says_can_be_changed():
    chosen = settings(rubric="strongreject", fields={"safety": {"threshold": 0.25}, "grade": GRADE}, marker="#marks")
    assert chosen.fields["safety"].threshold == 0.25 and chosen.fields["safety"].computed.by == "mean"
    assert (chosen.marker, chosen.fields["grade"].json_key) == ("#marks", "grade")


@given(st.lists(st.sampled_from([*(f"{{{name}}}" for name in KNOWN), "{", "}", "{{", ' {"a": 1} ', "x"])))
def test_known_names_are_filled_in_and_other_braces_stay(pieces):
    row = {name: f"<{name}>" for name in KNOWN}
    expected = "".join(f"<{piece[1:-1]}>" if piece[1:-1] in KNOWN else piece for piece in pieces)
    assert filled("".join(pieces), {}, row) == expected


def test_the_examples_of_the_docs_are_settings():
    text = (ROOT / "docs/rubrics.md").read_text(encoding="utf-8")
    computed, strongreject, principles, spending = (
        yaml.safe_load(block) for block in re.findall(r"(?m)(?:^    .*\n|^\n(?=    ))+", text)
    )
    given = strongreject["judges"]["strongreject"]["settings"]
    assert given.pop("question_file") and principles["settings"].pop("question_file")
    assert settings(fields=computed["fields"]).fields["harm"].computed.zero_if == {"refused": "refusal"}
    assert settings(fields={}, **given).fields["safety"].computed.by == "mean"
    assert len(settings(fields={}, **principles["settings"]).fields) == 4
    assert EndpointSettings.model_validate(spending["endpoint"]).spending.limit == 20


@pytest.mark.parametrize(
    ("computed", "said"),
    [
        ({"by": "mean", "of": ["grade", "grad"]}, r"computed of \['grad'\], but fields with a `scale` are \['grade'\]"),
        ({"by": "mean", "of": ["refused"]}, r"computed of \['refused'\]"),
        ({"by": "mean", "of": ["total"]}, r"computed of \['total'\]"),
        ({"by": "mean", "of": ["grade"], "zero_if": {"refusal": "bad"}}, "zero if `refusal` says `bad`"),
        ({"by": "mean", "of": ["grade"], "zero_if": {"refused": "awful"}}, "zero if `refused` says `awful`"),
        ({"by": "sum", "of": ["grade"]}, "by"),
        ({"by": "mean", "of": []}, "of"),
    ],
)
def test_a_score_is_computed_of_fields_that_are_there(computed, said):
    total = TWO | {"score": "bad", "threshold": 0.5, "computed": computed}
    with pytest.raises(ValidationError, match=said):
        settings(fields={"grade": GRADE, "refused": REFUSED, "total": total})


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"threshold": 1.5}, "`threshold`"),
        ({"threshold": None}, "a computed score needs two `verdicts`"),
        ({"score": None}, "a computed score needs two `verdicts`"),
        ({"scale": [0, 1]}, "neither `values` nor `scale`"),
        ({"json_key": "x"}, "or `computed`"),
    ],
)
def test_a_computed_field_that_says_nothing_is_refused(bad, said):
    total = TWO | {"score": "bad", "threshold": 0.5, "computed": {"by": "mean", "of": ["grade"]}} | bad
    with pytest.raises(ValidationError, match=said):
        settings(fields={"grade": GRADE, "total": total})

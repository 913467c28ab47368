"""Labelled completions of a file as a table, and files whose labels cannot be read."""

import pytest
from pydantic import ValidationError
from source_fixtures import load
from table_fixtures import written

from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import LABELLED


def test_labelled_completions_are_a_table(tmp_path):
    path = tmp_path / "l.csv"
    label = "1_full_compliance,3_partial_refusal,FALSE,2_full_refusal"
    header = "id,type,prompt,completion,annotation_1,annotation_2,agreement,final_label"
    path.write_text(f"{header}\nv2-1,homonyms,How?,So.,{label}\nv2-2,homonyms,Why?,,{label}\n")
    rows = load("xstest_labels", path)
    LABELLED.write(tmp_path / "out.parquet", rows)
    assert list(rows.completion) == ["So.", ""] and list(rows.final_label) == ["full_refusal"] * 2
    read = LABELLED.read(tmp_path / "out.parquet")
    assert [*read.annotations[0]] == ["full_compliance", "partial_refusal"] and set(read.kind) == {"benign"}
    path.write_text(path.read_text().replace("2_full_refusal", "4_other"))
    with pytest.raises(SafeLRMError, match="final_label: row 1 holds an unknown value"):
        load("xstest_labels", path)


def labelled(tmp_path, rows: list[dict], **columns: object):
    """Labelled completions of a file."""
    given = {"prompt": "q", "category": "c", "completion": "a"} | columns
    kind = {"column": "k", "map": {"bad": "harmful", "good": "benign"}}
    return load("labelled", written(tmp_path, rows), columns=given, kind=kind)


def test_labels_of_any_file_and_any_number_of_annotators_are_a_table(tmp_path):
    row = {"q": "Why?", "c": "tea", "a": "So.", "k": "bad"}
    rows = [
        row | {"l": "unsafe", "one": 1, "two": 2.5, "three": None, "b": "What?"},
        # the same completion again, and a completion that is empty
        row | {"l": "", "one": 1, "two": 1, "three": float("nan"), "b": None},
        row | {"a": "", "k": "good", "l": None, "one": None, "two": None, "three": None, "b": ""},
    ]
    columns = {"label": "l", "annotations": ["one", "two", "three"], "behavior": "b"}
    LABELLED.write(tmp_path / "out.parquet", labelled(tmp_path, rows, **columns))
    read = LABELLED.read(tmp_path / "out.parquet")
    assert read.final_label.dropna().to_dict() == {0: "unsafe"}
    assert [[*labels] for labels in read.annotations] == [["1", "2.5", None], ["1", "1", None], [None] * 3]
    assert read.kind.tolist() == ["harmful", "harmful", "benign"] and read.behavior[0] == "What?"
    assert read.prompt_id.is_unique and read.reference.isna().all()
    # without a label that counts, it is that of most annotators
    majority = labelled(tmp_path, rows, annotations=["one", "two", "three"])
    assert majority.final_label.dropna().to_dict() == {1: "1"}
    assert majority.prompt_id.tolist() == read.prompt_id.tolist()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": "l", "id": "i"}, "rows 1 and 2 have the same id"),
        ({"label": "empty"}, "no row has a label"),
        ({"label": "list"}, "row 1 holds list, must be text or a number"),
        ({"annotations": ["nothing"]}, "row 1 lacks this column"),
        ({}, "name the column of the labels"),
        ({"annotations": ["l", "l"]}, "each column of `annotations` once"),
    ],
)
def test_a_file_whose_labels_cannot_be_read_is_an_error(tmp_path, columns, message):
    row = {"q": "Why?", "c": "tea", "a": "So.", "k": "bad", "l": "x", "i": "1", "empty": None, "list": [1]}
    with pytest.raises((SafeLRMError, ValidationError), match=message):
        labelled(tmp_path, [row, row], **columns)

"""Multiple choice: options stand below the question, and the reference is the letter of the right one."""

import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError
from source_fixtures import load

from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import PROMPTS
from safelrm.data.settings import ChoiceTableSettings
from safelrm.judging.exact import is_correct

LISTED = {"columns": {"prompt": "q", "options": "o", "answer": "a"}, "category": "colours"}
SINGLE = {"columns": {"prompt": "q", "options": ["right", "w1", "w2", "w3"]}, "category": "colours", "shuffle": True}


def choices(folder: Path, rows: list[dict], **chosen) -> pd.DataFrame:
    path = folder / "rows.json"
    path.write_text(json.dumps(rows))
    return load("choices", path, **chosen)


def listed(answer: object, options: object = ("red", "blue", "green"), question: str = "Which?") -> dict:
    return {"q": question, "o": options, "a": answer}


def single(number: int) -> dict:
    return {"q": f"What is {number} + 1?"} | {
        name: str(number + more) for name, more in (("right", 1), ("w1", 2), ("w2", 3), ("w3", 4))
    }


@pytest.mark.parametrize(("answer", "answer_is"), [("B", "letter"), (1, "index"), ("1", "index"), ("blue", "text")])
def test_options_stand_below_the_question_and_the_reference_is_a_letter(answer, answer_is, tmp_path):
    rows = choices(tmp_path, [listed(answer)], **LISTED, answer_is=answer_is, instruction="Give the letter.")
    assert rows.prompt[0] == "Which?\n\n(A) red\n(B) blue\n(C) green\n\nGive the letter."
    assert (rows.reference[0], rows.kind[0]) == ("B", "reasoning")
    PROMPTS.write(tmp_path / "out.parquet", rows)


def test_the_judge_of_exact_answers_reads_letter_and_text(tmp_path):
    (row,) = choices(tmp_path, [listed("B")], **LISTED).itertuples()
    for said, right in (("The answer is (B).", True), (r"\boxed{B}", True), ("(A)", False), ("It is blue.", True)):
        assert is_correct(said, row.reference, row.prompt) == right, said


def test_the_first_of_several_columns_is_right_and_is_hidden_by_a_shuffle(tmp_path):
    rows = choices(tmp_path, [single(number) for number in range(400)], **SINGLE)
    for number, row in enumerate(rows.itertuples()):
        assert f"({row.reference}) {number + 1}" in row.prompt.splitlines()
    counts = Counter(rows.reference)
    assert {*counts} == {*"ABCD"} and min(counts.values()) > 60


def test_a_shuffle_depends_on_the_row_and_the_seed_alone(tmp_path):
    some = [single(number) for number in range(20)]
    before = choices(tmp_path, some, **SINGLE)
    after = choices(tmp_path, [single(99), *reversed(some)], **SINGLE)
    assert {*zip(before.prompt_id, before.prompt, strict=True)} < {*zip(after.prompt_id, after.prompt, strict=True)}
    assert list(choices(tmp_path, some, **SINGLE, seed=1).reference) != list(before.reference)


def test_a_question_may_come_again_with_other_options(tmp_path):
    rows = [listed("A"), listed("A", ["tea", "milk"])]
    assert choices(tmp_path, rows, **LISTED).prompt_id.is_unique
    with pytest.raises(SafeLRMError, match="rows 1 and 3 have the same prompt"):
        choices(tmp_path, [*rows, listed("B")], **LISTED)


@pytest.mark.parametrize(
    ("row", "answer_is", "said"),
    [
        (listed("D"), "letter", "a: row 2 names none of its options by its letter"),
        (listed("b"), "letter", "a: row 2 names none of its options by its letter"),
        (listed(3), "index", "a: row 2 names none of its options by its index"),
        (listed("pink"), "text", "a: row 2 names none of its options by its text"),
        (listed("red", ["red", "red"]), "text", "a: row 2 names none of its options by its text"),
        (listed(None), "letter", "a: row 2 is empty"),
        (listed("A", ["red"]), "letter", "o: row 2 must hold a list of 2 to 10 options"),
        (listed("A", "red, blue"), "letter", "o: row 2 must hold a list of 2 to 10 options"),
        (listed("A", ["red", " "]), "letter", "o: row 2 must hold a list of 2 to 10 options"),
        (listed("A", ["red", None]), "letter", "o: row 2 must hold a list of 2 to 10 options"),
        (listed("A", ["red"] * 11), "letter", "o: row 2 must hold a list of 2 to 10 options"),
    ],
)
def test_rows_that_do_not_fit_are_one_clear_error(row, answer_is, said, tmp_path):
    right = {"letter": "A", "index": 0, "text": "tea"}[answer_is]
    with pytest.raises(SafeLRMError, match=said):
        choices(tmp_path, [listed(right, ["tea", "milk"]), row], **LISTED, answer_is=answer_is)


@pytest.mark.parametrize("columns", [{"prompt": "q", "options": "o"}, {"prompt": "q", "options": ["right", "w1"]}])
def test_where_the_right_option_comes_first_it_must_be_hidden(columns):
    with pytest.raises(ValidationError, match=r"give `columns\.answer`; or name a column for each option"):
        ChoiceTableSettings.model_validate(
            {"columns": columns, "category": "x", "shuffle": isinstance(columns["options"], str)}
        )

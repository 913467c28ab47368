"""Every row of a file is kept, or left out for a reason; rows are named by number, never by text."""

import json
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from source_fixtures import load
from table_fixtures import COLUMNS, questions, table, written

from safelrm.core.errors import SafeLRMError
from safelrm.data.account import Account
from safelrm.data.rows import count_rows, main, ranges
from safelrm.data.schemas import PROMPTS
from safelrm.data.settings import PromptTableSettings, ReadSettings
from safelrm.data.sources import table as prompts


def accounted(folder: Path, rows: list[dict], **chosen) -> tuple[list[str], Account]:
    given = {"columns": COLUMNS, "kind": "benign"} | chosen
    found, account = prompts.accounted(PromptTableSettings(path=str(written(folder, rows)), **given))
    return list(found.prompt), account


def test_each_step_says_which_rows_it_leaves_out(tmp_path):
    rows = questions("a", "a", "b", "c", "d", "e", "f")
    rows[3]["c"], rows[6]["c"] = "milk", "oil"
    texts, account = accounted(
        tmp_path, rows, once=True, where={"c": ["tea", "milk"]}, where_not={"c": ["milk"]}, size=2
    )
    assert (account.read, account.kept, len(texts)) == (7, 2, 2)
    drawn = account.left_out["the draw of `size` rows"]
    assert {**account.left_out} == {
        "`once`, q": (2,),
        "`where`, c": (7,),
        "`where_not`, c": (4,),
        "the draw of `size` rows": drawn,
    }
    assert len(drawn) == 2 and {rows[number - 1]["q"] for number in (1, 3, 5, 6)} - set(texts) == {
        rows[number - 1]["q"] for number in drawn
    }


def test_the_log_of_a_job_has_the_account_and_no_text(tmp_path, capsys):
    table(tmp_path, questions("secret", "secret", "open"), once=True)
    said = capsys.readouterr().out
    assert said == "3 rows in the file = 2 kept + 1 left out\n  1 left out by `once`, q: rows 2\n"
    table(tmp_path, questions(*["same"] * 13, "other"), once=True)
    assert "12 left out by `once`, q: rows 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more" in capsys.readouterr().out


def test_rows_that_do_not_fit_stop_the_job_or_are_left_out(tmp_path):
    rows = [*questions("a", "", "b", "c", "d", "e"), {"q": "f"}, {"c": "tea"}, {"q": "g", "c": 3.5}]
    with pytest.raises(SafeLRMError, match="q: row 8 lacks this column"):
        table(tmp_path, rows)
    texts, account = accounted(tmp_path, rows, faulty="leave_out")
    assert texts == ["a", "b", "c", "d", "e"] and account.read == 9
    assert {**account.left_out} == {
        "q: is empty": (2,),
        "q: lacks this column": (8,),
        "c: lacks this column": (7,),
        "c: holds float, must be a string": (9,),
    }


def test_of_rows_with_the_same_id_the_first_is_kept_if_others_may_be_left_out(tmp_path):
    rows = [{"q": text, "c": "tea", "n": number} for text, number in (("a", 1), ("b", 1), ("c", 2))]
    chosen = {"columns": {**COLUMNS, "id": "n"}}
    with pytest.raises(SafeLRMError, match="n: rows 1 and 2 have the same id"):
        table(tmp_path, rows, **chosen)
    texts, account = accounted(tmp_path, rows, faulty="leave_out", **chosen)
    assert texts == ["a", "c"] and {**account.left_out} == {"an id that an earlier row has": (2,)}


def test_an_unknown_label_is_left_out_only_if_rows_may_be(tmp_path):
    rows = [{"q": str(place), "c": "tea", "l": label} for place, label in enumerate(["safe", "secret", "safe"])]
    kind = {"column": "l", "map": {"safe": "benign"}}
    texts, account = accounted(tmp_path, rows, faulty="leave_out", kind=kind)
    assert texts == ["0", "2"] and {**account.left_out} == {"l: holds an unknown value, must be of ['safe']": (2,)}


def test_settings_that_fit_few_rows_are_an_error(tmp_path):
    with pytest.raises(
        SafeLRMError, match=r"q: more than half of the rows cannot be used, such as row \d: row \d is emp"
    ):
        table(tmp_path, questions("a", "", " "), faulty="leave_out")
    with pytest.raises(SafeLRMError, match="more than half of the rows"):
        load(
            "table",
            written(tmp_path, questions("a", "b")),
            columns={"prompt": "p"},
            category="x",
            kind="benign",
            faulty="leave_out",
        )


def command(folder: Path, monkeypatch, rows: list[dict], **chosen) -> pd.DataFrame:
    """The table that the command writes for one data set, of which `curate` has kept as many rows."""
    settings = {"columns": COLUMNS, "kind": "benign"} | chosen
    file = written(folder, rows)
    PROMPTS.write(folder / "mine.parquet", load("table", file, **settings))
    read = {"mine": {"source": "safelrm.data.sources.table", "settings": settings}}
    paths = {"files": f"mine={file}", "tables": f"mine={folder / 'mine.parquet'}", "output": str(folder / "rows.csv")}
    given = {"settings": json.dumps({"datasets": read}), **paths}
    monkeypatch.setattr("sys.argv", ["rows", *(f"--{name}={value}" for name, value in given.items())])
    main()
    return pd.read_csv(folder / "rows.csv", keep_default_na=False)


def test_the_counts_of_a_study_are_a_table(tmp_path, monkeypatch):
    found = command(tmp_path, monkeypatch, questions("a", "b", "a", "a", "c", "b"), once=True)
    assert found.to_dict("records") == [
        {"dataset": "mine", "read": 6, "outcome": "kept", "rows": 3, "numbers": ""},
        {"dataset": "mine", "read": 6, "outcome": "`once`, q", "rows": 3, "numbers": "3-4, 6"},
    ]


def test_a_table_with_other_rows_than_are_kept_is_named(tmp_path, monkeypatch):
    file = written(tmp_path, questions("a", "b"))
    settings = {"columns": COLUMNS, "kind": "benign"}
    PROMPTS.write(tmp_path / "mine.parquet", load("table", file, **settings).head(1))
    entry = ReadSettings(source="safelrm.data.sources.table", settings=settings)
    with pytest.raises(SafeLRMError, match=r"mine\.parquet: mine: has 1 rows; 2 rows of .* are kept"):
        list(count_rows("mine", entry, file, tmp_path / "mine.parquet"))


@given(st.sets(st.integers(1, 60)))
def test_ranges_hold_every_number(numbers):
    parts = [tuple(map(int, part.split("-"))) for part in ranges([*numbers]).split(", ") if part]
    assert [number for part in parts for number in range(part[0], part[-1] + 1)] == sorted(numbers)


TEXTS = st.one_of(st.sampled_from(["a", "b", "", " ", None, 3]), st.text(max_size=2))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.fixed_dictionaries({"q": TEXTS, "c": TEXTS}), min_size=1, max_size=12), st.booleans())
def test_every_row_is_kept_or_left_out_once(rows, once):
    with tempfile.TemporaryDirectory() as folder:
        try:
            texts, account = accounted(Path(folder), rows, faulty="leave_out", once=once)
        except SafeLRMError as error:
            assert "more than half" in error.problem
            return
    gone = [number for numbers in account.left_out.values() for number in numbers]
    assert account.read == len(rows) == account.kept + len(gone) and len(set(gone)) == len(gone)
    kept = [row["q"].strip() for number, row in enumerate(rows, start=1) if number not in gone]
    assert texts == kept and len(set(texts)) == account.kept

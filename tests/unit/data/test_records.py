"""Reading files of rows: the four formats agree, and a broken file is one clear error."""

import csv
import hashlib
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelrm.core.errors import SafeLRMError
from safelrm.data.records import Records, read_records
from safelrm.data.settings import RecordSettings

FORMATS = ("csv", "json", "jsonl", "parquet")


def read(path: Path, **chosen) -> Records:
    return read_records(RecordSettings(path=str(path), **chosen))


def written(folder: Path, suffix: str, rows: list[dict]) -> Path:
    """The rows as a file of a format."""
    path = folder / f"rows.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif suffix == "csv":
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text(json.dumps(rows) if suffix == "json" else "\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


texts = st.text(st.characters(codec="utf-8"), max_size=20)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.fixed_dictionaries({"a": texts, "b": texts}), min_size=1, max_size=5))
def test_formats_give_the_same_records(rows):
    with tempfile.TemporaryDirectory() as folder:
        first, *others = [read(written(Path(folder), suffix, rows)).rows for suffix in FORMATS]
    assert [*first] == [*range(1, len(rows) + 1)]
    assert all(other == first for other in others)


def test_byte_order_mark_and_crlf_change_nothing(tmp_path):
    plain, other = tmp_path / "plain.csv", tmp_path / "other.csv"
    text = 'a,b\n1,"x\ny"\n'
    plain.write_text(text)
    other.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read(other).rows == read(plain).rows == {1: {"a": "1", "b": "x\ny"}}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("s.csv", b"a,b\n1,2,3\n", "row 1 has 3 values"),
        ("s.csv", b'a,b\n1,"2\n3,4\n', "not CSV near line"),
        ("s.csv", b"a,a\n1,2\n", "same name"),
        ("s.csv", b"a,b\n", "no rows"),
        ("s.csv", b"", "no rows"),
        ("s.csv", b"a,b\n1,caf\xe9\n", "not UTF-8 at byte 9, in line 2"),
        ("s.jsonl", '{"a": "1"}\n'.encode("utf-16"), "not UTF-8 at byte 0, in line 1"),
        ("s.xlsx", b"a\tb\n", "unknown format '.xlsx'"),
        ("s.json", b'[{"a": "1"}', "not JSON at line 1"),
        ("s.json", b'{"a": "1"}', "not a list"),
        ("s.json", b"[1]", "item 1 is not an object"),
        ("s.json", b"[]", "no rows"),
        ("s.json", b"[" * 100_000, "not JSON that can be read from line 1"),
        ("s.jsonl", b'{"a": "1"}\n{"a"\n', "not JSON at line 2"),
        ("s.jsonl", b'{"a": "1"}\n{"a": "2', "not JSON at line 2"),
        ("s.parquet", b"PAR1", "not a readable Parquet file"),
        ("s.parquet", b"", "not a readable Parquet file"),
    ],
)
def test_a_broken_file_is_one_clear_error(name, content, said, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SafeLRMError, match=said) as caught:
        read(path)
    assert caught.value.file in (path, str(path)) and caught.value.fix


def test_tabs_may_separate_values(tmp_path):
    path = tmp_path / "rows.tsv"
    path.write_text('a\tb\n1\t"x\ty"\n')
    assert read(path).rows == {1: {"a": "1", "b": "x\ty"}}


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_field_may_have_two_megabytes(suffix, tmp_path):
    # Python's csv refuses 131,073 characters unless it is told otherwise
    long = "a, b\n" * 400_000
    rows = [{"a": "1", "b": long}, {"a": "2", "b": "short"}]
    assert read(written(tmp_path, suffix, rows)).rows == dict(enumerate(rows, start=1))


def test_a_long_field_without_its_last_quote_is_one_clear_error(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('a,b\n1,"' + "x" * 200_000)
    with pytest.raises(SafeLRMError, match="not CSV near line 2") as caught:
        read(path)
    assert "double the quotes" in caught.value.fix


@pytest.mark.parametrize("length", [4, 100, -1])
def test_a_parquet_file_that_was_cut_off_is_one_clear_error(length, tmp_path):
    path = written(tmp_path, "parquet", [{"a": "x" * 50}] * 20)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(SafeLRMError, match="not a readable Parquet file"):
        read(path)


def test_nan_is_a_missing_value(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text('[{"a": NaN, "b": "1"}, {"a": null, "b": NaN}]')
    found = read(path)
    assert found.values("a") == {1: None, 2: None} and found.labels("b") == ["1", ""]
    with pytest.raises(SafeLRMError, match="b: row 2 is empty"):
        found.texts("b")


def test_a_parquet_file_needs_different_column_names(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table([pa.array(["x"]), pa.array(["y"])], names=["a", "a"]), path)
    with pytest.raises(SafeLRMError, match="same name"):
        read(path)


def test_a_parquet_file_without_rows_is_named(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": pa.array([], pa.string())}), path)
    with pytest.raises(SafeLRMError, match=r"rows\.parquet: holds no rows"):
        read(path)


def test_sha256_is_checked_before_anything_is_read(tmp_path):
    path = written(tmp_path, "csv", [{"a": "1"}])
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(read(path, sha256=right).rows) == 1
    path.write_bytes(b"\xff")
    with pytest.raises(SafeLRMError, match="sha256: the file has"):
        read(path, sha256=right)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SafeLRMError, match=r"none\.csv: cannot be read"):
        read(tmp_path / "none.csv")


def test_without_a_file_nothing_is_read():
    with pytest.raises(SafeLRMError, match="no file is given"):
        read_records(RecordSettings())


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200), st.sampled_from(FORMATS))
def test_arbitrary_bytes_are_rows_or_one_error(content, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file.{suffix}"
        path.write_bytes(content)
        try:
            assert read(path).rows
        except SafeLRMError as error:
            assert error.fix

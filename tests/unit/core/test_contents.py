"""The seal of a file tells every other content, and nothing else, from what its maker wrote."""

import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from damage_fixtures import rewrite
from hypothesis import given, settings
from hypothesis import strategies as st

from safelrm.core.contents import KEY, content_hash
from safelrm.core.errors import SafeLRMError
from safelrm.core.tables import Table, columns

SCHEMA = columns(
    name=pa.string(),
    note=(pa.string(), None),
    legs=pa.int64(),
    weight=(pa.float64(), None),
    tame=pa.bool_(),
    tokens=(pa.list_(pa.int32()), None),
)
TABLE = Table("animals", SCHEMA)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
rows = st.fixed_dictionaries(
    {
        "name": texts,
        "note": st.none() | texts,
        "legs": st.integers(-(2**63), 2**63 - 1),
        "weight": st.none() | st.floats(allow_nan=False),
        "tame": st.booleans(),
        "tokens": st.none() | st.lists(st.integers(-9, 9), max_size=3),
    }
)
tables = st.lists(rows, min_size=1, max_size=6)


def arrow(content: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(content, schema=SCHEMA)


@given(tables, tables)
@settings(deadline=None, max_examples=60)
def test_the_hash_is_of_the_values_however_they_lie_in_memory(first, second):
    whole = arrow([*first, *second])
    pieces = pa.concat_tables([arrow(first), arrow(second)])
    sliced = arrow([*second, *first, *second]).slice(len(second))
    assert content_hash(whole) == content_hash(pieces) == content_hash(sliced)


@given(tables, st.data())
@settings(deadline=None, max_examples=60)
def test_every_other_content_has_another_hash(content, data):
    row = data.draw(st.integers(0, len(content) - 1))
    column = data.draw(st.sampled_from(SCHEMA.names))
    value = data.draw(rows)[column]
    changed = [{**old, column: value} if place == row else old for place, old in enumerate(content)]
    # -0.0 equals 0.0, but is another value
    assert (content_hash(arrow(changed)) == content_hash(arrow(content))) == (repr(changed) == repr(content))
    assert content_hash(arrow(content[1:])) != content_hash(arrow(content))


def test_what_belongs_to_which_row_counts():
    cells = [("ab", "c"), ("a", "bc"), ("abc", ""), ("abc", None)]
    found = {content_hash(arrow([{"name": name, "note": note, "legs": 0, "tame": True}])) for name, note in cells}
    assert len(found) == len(cells)


@pytest.fixture
def file(tmp_path) -> Path:
    content = [
        {"name": name, "note": None, "legs": legs, "weight": 0.5, "tame": True, "tokens": [1]}
        for name, legs in (("hen", 2), ("cow", 4), ("cod", 0))
    ]
    TABLE.write(tmp_path / "animals.parquet", pd.DataFrame(content))
    return tmp_path / "animals.parquet"


def refusal(path: Path) -> str:
    with pytest.raises(SafeLRMError) as caught:
        TABLE.read(path)
    assert str(path) in str(caught.value)
    assert f"fix: rm {path}, then run again" in str(caught.value)
    return caught.value.problem


def with_legs(found: pa.Table, legs: list[int]) -> pa.Table:
    return found.set_column(2, found.schema.field("legs"), pa.array(legs, pa.int64()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found.slice(1), "holds 2 rows, but its maker wrote 3"),
        (lambda found: pa.concat_tables([found, found.slice(1)]), "holds 5 rows, but its maker wrote 3"),
        (lambda found: found.take([2, 1, 0]), "holds other values than its maker wrote"),
        (lambda found: with_legs(found, [2, 4, 1]), "holds other values than its maker wrote"),
        (lambda found: found.slice(0, 0), "holds 0 rows, but its maker wrote 3"),
    ],
)
def test_a_program_that_keeps_the_footer_is_found_out(file, change, said):
    rewrite(file, change(pq.ParquetFile(file).read()), footer=True)
    assert said in refusal(file)


def test_a_program_that_drops_the_footer_is_found_out(file):
    rewrite(file, pq.ParquetFile(file).read(), footer=False)
    assert "does not say which rows its maker wrote" in refusal(file)


@pytest.mark.parametrize("said", [b"3", b"3 ", b"\xff\xfe", b"3 \xff"])
def test_a_damaged_footer_is_an_error_and_no_crash(said, file):
    rows = pq.ParquetFile(file).read().replace_schema_metadata(None)
    with pq.ParquetWriter(file, rows.schema) as writer:
        writer.write_table(rows)
        writer.add_key_value_metadata({KEY: said})
    assert "its maker wrote" in refusal(file)


def test_pandas_is_found_out(file):
    rows = pd.read_parquet(file, dtype_backend="pyarrow")
    rows[rows.legs > 0].to_parquet(file, schema=SCHEMA)
    assert "does not say which rows its maker wrote" in refusal(file)


def test_another_compression_of_the_same_rows_is_the_same_table(file):
    before = TABLE.read(file)
    rewrite(file, pq.ParquetFile(file).read(), footer=True)
    pd.testing.assert_frame_equal(TABLE.read(file), before)


@given(st.floats(0, 1, exclude_max=True))
@settings(deadline=None, max_examples=30)
def test_a_file_cut_anywhere_is_an_error(share):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.parquet"
        TABLE.write(
            path, pd.DataFrame([{"name": "a", "note": "b", "legs": 1, "weight": 1.0, "tame": True, "tokens": []}])
        )
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        assert "not a readable Parquet file" in refusal(path)

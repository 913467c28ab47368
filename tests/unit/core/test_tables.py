"""Typed tables, atomic files and checkpoints: round trips, stable bytes, and damage that is named."""

import hashlib
import json
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path, canonical_json, sha256, write_json, write_text
from safelrm.core.tables import Table, columns

TABLE = Table(
    "animals",
    columns(name=pa.string(), kind=pa.string(), legs=pa.int64(), weight=(pa.float64(), None), note=(pa.string(), None)),
    key=("name",),
    choices=(("kind", ("bird", "fish")),),
)


def animals(**changes) -> pd.DataFrame:
    rows = {
        "name": ["hen", "cod"],
        "kind": ["bird", "fish"],
        "legs": [2, 0],
        "weight": [1.5, None],
        "note": [None, "x"],
    }
    return pd.DataFrame(rows | changes)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
frames = st.lists(
    st.tuples(
        texts,
        st.sampled_from(["bird", "fish"]),
        st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=False),
        st.none() | texts,
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda row: row[0],
).map(lambda rows: pd.DataFrame(rows, columns=TABLE.schema.names))


@given(frames)
@settings(deadline=None, max_examples=50)
def test_rows_survive_writing_and_give_the_same_bytes(rows):
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "a.parquet", Path(folder) / "b.parquet"
        TABLE.write(first, rows)
        read = TABLE.read(first)
        TABLE.write(second, read[read.columns[::-1]].set_index(pd.Index(range(7, 7 + len(read)))))
        assert first.read_bytes() == second.read_bytes()
        for column in rows:
            before, after = rows[column], read[column]
            assert list(before.isna()) == list(after.isna())
            assert list(before.dropna()) == list(after.dropna())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": "red"}, "unknown columns ['colour']"),
        ({"legs": ["two", "none"]}, "rows do not fit"),
        ({"legs": [2.5, 0]}, "rows do not fit"),
        ({"legs": [2, None]}, "1 null values"),
        ({"name": ["hen", None]}, "1 null values"),
        ({"name": [1, 2]}, "rows do not fit"),
        ({"name": ["hen", "hen"]}, "rows are not unique, for example {'name': 'hen'}"),
        ({"kind": ["bird", "mammal"]}, "kind: unknown values ['mammal']"),
        ({"name": pd.Series(["hen", "\ud800"], dtype=object)}, "rows do not fit"),
    ],
)
def test_rows_of_another_schema_are_refused_and_nothing_is_written(changes, said, tmp_path):
    for path, write in ((tmp_path / "t.parquet", TABLE.write), (tmp_path / "t.csv", TABLE.write_csv)):
        with pytest.raises(SafeLRMError) as caught:
            write(path, animals(**changes))
        assert said in str(caught.value) and str(path) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(SafeLRMError, match=r"lacks columns \['legs'\]"):
        TABLE.write(tmp_path / "t.parquet", animals().drop(columns="legs"))


def test_no_rows_only_where_allowed(tmp_path):
    path = tmp_path / "t.parquet"
    with pytest.raises(SafeLRMError, match="no rows"):
        TABLE.write(path, animals().iloc[:0])
    TABLE.write(path, animals().iloc[:0], allow_empty=True)
    with pytest.raises(SafeLRMError, match="no rows"):
        TABLE.read(path)
    assert TABLE.read(path, allow_empty=True).empty


def test_csv_keeps_types_and_gaps(tmp_path):
    TABLE.write_csv(tmp_path / "t.csv", animals())
    assert (tmp_path / "t.csv").read_bytes() == b"name,kind,legs,weight,note\nhen,bird,2,1.5,\ncod,fish,0,,x\n"


def foreign(path: Path, **changes) -> Path:
    """A Parquet file that another program might have left."""
    arrow = pa.Table.from_pandas(animals(), schema=TABLE.schema, preserve_index=False)
    for name, array in changes.items():
        place = arrow.column_names.index(name)
        arrow = arrow.remove_column(place) if array is None else arrow.set_column(place, name, array)
    pq.write_table(arrow, path)
    return path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"legs": None}, "legs: the animals table lacks this column"),
        ({"legs": pa.array([2, 0], pa.int32())}, "legs: is int32, must be int64"),
        ({"legs": pa.array([2, None], pa.int64())}, "legs: 1 values are missing"),
        ({"weight": pa.array([1.0, float("nan")])}, "weight: holds NaN"),
        ({"kind": pa.array(["bird", "cat"])}, "unknown values ['cat']"),
    ],
)
def test_a_foreign_file_is_refused(changes, said, tmp_path):
    with pytest.raises(SafeLRMError) as caught:
        TABLE.read(foreign(tmp_path / "t.parquet", **changes))
    assert said in str(caught.value) and "fix:" in str(caught.value)


def test_unknown_and_double_columns_of_a_file_are_refused(tmp_path):
    arrow = pa.Table.from_pandas(animals(), schema=TABLE.schema, preserve_index=False)
    pq.write_table(arrow.append_column("extra", arrow["legs"]), tmp_path / "extra.parquet")
    with pytest.raises(SafeLRMError, match=r"unknown columns \['extra'\]"):
        TABLE.read(tmp_path / "extra.parquet")
    pq.write_table(arrow.append_column("legs", arrow["legs"]), tmp_path / "double.parquet")
    with pytest.raises(SafeLRMError, match="same name"):
        TABLE.read(tmp_path / "double.parquet")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(SafeLRMError, match="does not exist"):
        TABLE.read(tmp_path / "none.parquet")
    with pytest.raises(SafeLRMError, match="not a readable Parquet file"):
        TABLE.read(tmp_path)


@given(st.integers(0, 2**32), st.binary(min_size=1, max_size=4))
@settings(deadline=None, max_examples=60)
def test_a_damaged_file_is_one_error_or_still_the_same_table(place, junk):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.parquet"
        TABLE.write(path, animals())
        content = bytearray(path.read_bytes())
        place %= len(content)
        path.write_bytes(bytes(content[:place]) if len(junk) == 1 else bytes(content[:place]) + junk + content[place:])
        try:
            read = TABLE.read(path)
        except SafeLRMError as error:
            assert str(path) in str(error)
        else:
            pd.testing.assert_frame_equal(read, animals())


def test_atomic_path_leaves_the_old_file_on_an_error(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        assert temporary.suffix == ".txt"
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_atomic_path_replaces_a_folder_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "model"
    for name in ("first", "second"):
        with atomic_path(folder) as temporary:
            temporary.mkdir()
            (temporary / name).touch()
        assert [path.name for path in folder.iterdir()] == [name]
    with pytest.raises(FileNotFoundError, match="nothing was written"), atomic_path(folder):
        pass
    assert [path.name for path in folder.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [folder]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, json_values, max_size=5))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value):
    assert canonical_json(value) == canonical_json(dict(reversed(value.items())))
    assert json.loads(canonical_json(value)) == value


def test_json_holds_no_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []


@given(st.binary())
def test_sha256_is_of_the_bytes(content):
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        assert sha256(Path(file.name)) == hashlib.sha256(content).hexdigest()

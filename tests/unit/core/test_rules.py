"""Rules of a table, the place of its file, and its rounding."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from damage_fixtures import write_sealed
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from safelrm.core.errors import SafeLRMError
from safelrm.core.rules import Rule, at_least, first_breach, no_more, within
from safelrm.core.tables import Table, columns

RULES = (
    *within(0, 1, "share"),
    *at_least(0, "n"),
    no_more("part", "n"),
    Rule("there is a share exactly if n is not 0", ("n", "share"), (pc.field("n") > 0) == pc.field("share").is_valid()),
)
SCHEMA = columns(name=pa.string(), n=pa.int64(), part=(pa.int64(), None), share=(pa.float64(), None))
COUNTS = Table("counts", SCHEMA, key=("name",), rules=RULES, place="{name}.parquet", decimals=9)


def counts(name: str = "a", n: int = 4, part: int | None = 2, share: float | None = 0.5) -> pd.DataFrame:
    rows = pd.DataFrame({"name": [name], "n": [n], "part": [part], "share": [share]})
    return rows.astype({"part": "Int64", "share": "float64"})


@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        ({"share": 1.5}, "share", "must be in [0, 1]"),
        ({"share": -0.01}, "share", "must be in [0, 1]"),
        ({"share": float("inf")}, "share", "must be in [0, 1]"),
        ({"n": -1, "part": None, "share": None}, "n", "must be at least 0"),
        ({"part": 5}, "part, n", "part is no more than n"),
        ({"share": None}, "n, share", "there is a share exactly if n is not 0"),
    ],
)
def test_a_rule_that_is_broken_is_named_with_a_row(changes, key, said, tmp_path):
    path = tmp_path / "a.parquet"
    with pytest.raises(SafeLRMError) as written:
        COUNTS.write(path, counts(**changes))
    assert not path.exists()
    write_sealed(path, COUNTS, counts(**changes))
    with pytest.raises(SafeLRMError) as read:
        COUNTS.read(path)
    for error in (written.value, read.value):
        assert (error.file, error.key) == (path, key)
        assert said in error.problem
        assert "1 of 1 rows break this, for example {'name': 'a'," in error.problem
    assert read.value.fix.startswith(f"rm {path}")


def test_what_depends_on_a_missing_value_breaks_no_rule(tmp_path):
    COUNTS.write(tmp_path / "a.parquet", counts(n=0, part=None, share=None))
    assert COUNTS.read(tmp_path / "a.parquet").part.isna().all()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.none() | st.integers(-2, 6), st.none() | st.integers(-2, 6)), max_size=8))
def test_the_first_breach_is_found_iff_there_is_one(pairs):
    rows = pa.Table.from_pylist(
        [{"part": part, "n": n} for part, n in pairs], pa.schema({"part": "int64", "n": "int64"})
    )
    wrong = [pair for pair in pairs if None not in pair and pair[0] > pair[1]]
    found = first_breach((no_more("part", "n"),), rows, ())
    assert (found is not None) == bool(wrong)
    assert found is None or f"{len(wrong)} of {len(pairs)} rows" in found[1]


def test_a_file_in_the_place_of_another_is_refused(tmp_path):
    with pytest.raises(SafeLRMError, match=r"b\.parquet: name: the rows are those of a\.parquet"):
        COUNTS.write(tmp_path / "b.parquet", counts())
    COUNTS.write(tmp_path / "a.parquet", counts())
    (tmp_path / "a.parquet").rename(tmp_path / "b.parquet")
    with pytest.raises(SafeLRMError, match=r"b\.parquet: name: the rows are those of a\.parquet") as caught:
        COUNTS.read(tmp_path / "b.parquet")
    assert caught.value.fix.startswith(f"rm {tmp_path / 'b.parquet'}")


def test_a_file_of_several_is_in_no_place(tmp_path):
    with pytest.raises(SafeLRMError, match=r"a\.parquet: name: must be one value in a file, not \['a', 'b'\]"):
        COUNTS.write(tmp_path / "a.parquet", pd.concat([counts(), counts("b")]))


@given(st.floats(0, 1), st.floats(-4.4e-16, 4.4e-16))
@settings(deadline=None, max_examples=40)
def test_numbers_that_differ_by_the_arithmetic_of_a_processor_are_one_number(tmp_path_factory, share, error):
    """The borders of rounding are left out: a number in a million lies so near to one."""
    folder = tmp_path_factory.mktemp("counts")
    assume(abs(share * 1e9 % 1 - 0.5) > 1e-5)
    written = []
    for name, value in (("one", share), ("two", min(max(share + error, 0.0), 1.0))):
        path = folder / name / "a.parquet"
        COUNTS.write(path, counts(share=value))
        written.append(path.read_bytes())
        assert COUNTS.read(path).share.iat[0] == pytest.approx(share, abs=1e-9)
    assert written[0] == written[1]


def test_a_tiny_negative_number_becomes_zero(tmp_path):
    free = Table("free", columns(x=pa.float64()), decimals=9)
    free.write(tmp_path / "a.parquet", pd.DataFrame({"x": [-1e-17, 1 / 3]}))
    assert str(free.read(tmp_path / "a.parquet").x.tolist()) == "[0.0, 0.333333333]"

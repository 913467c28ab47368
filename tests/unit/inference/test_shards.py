import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.core.tables import Table, columns
from safelrm.inference.shards import in_shards

SQUARES = Table("squares", columns(square=pa.int64()))


class Squares:
    """Answers with squares, and remembers the sizes of what it was asked."""

    def __init__(self, until=None):
        self.sizes, self.until = [], until

    def __call__(self, numbers):
        if len(self.sizes) == self.until:
            raise KeyboardInterrupt
        self.sizes.append(len(numbers))
        return pd.DataFrame({"square": [number**2 for number in numbers]})


def ask(numbers, size, squares, folder):
    return in_shards(numbers, size, squares, table=SQUARES, folder=folder)["square"].tolist()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(1, 12), st.integers(0, 4))
def test_answers_do_not_depend_on_shards_and_interruptions(tmp_path_factory, numbers, size, until):
    folder = tmp_path_factory.mktemp("shards")
    squares = Squares(until)
    try:
        ask(numbers, size, squares, folder)
    except KeyboardInterrupt:
        assert squares.sizes == [size] * until
    rest = Squares()
    assert ask(numbers, size, rest, folder) == [number**2 for number in numbers]
    distinct = len({tuple(numbers[start : start + size]) for start in range(0, len(numbers), size)})
    assert len(squares.sizes) + len(rest.sizes) == distinct


def test_a_shard_answers_its_own_requests_only(tmp_path):
    assert ask([1, 2, 3, 4], 2, Squares(), tmp_path) == [1, 4, 9, 16]
    squares = Squares()
    assert ask([1, 2, 4, 3], 2, squares, tmp_path) == [1, 4, 16, 9]
    assert squares.sizes == [2]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_bytes(b""),
        lambda path: SQUARES.write(path, pd.DataFrame({"square": [1]})),
    ],
)
def test_a_damaged_shard_is_dropped(tmp_path, damage, capsys):
    ask([1, 2], 2, Squares(), tmp_path)
    damage(next(tmp_path.iterdir()))
    squares = Squares()
    assert ask([1, 2], 2, squares, tmp_path) == [1, 4]
    assert squares.sizes == [2]
    assert "dropped" in capsys.readouterr().err

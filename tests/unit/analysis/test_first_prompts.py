"""Where a part of the prompts is read: which ones."""

from pathlib import Path

import pandas as pd
import pytest

from safelrm.analysis.first_prompts import of_first_prompts
from safelrm.core.errors import SafeLRMError

KEY = "entropies.benchmarks"


def rollouts(size: int, **changes: object) -> pd.DataFrame:
    rows = [{"benchmark": name, "prompt_id": f"p{place}"} for name in ("b", "c") for place in range(size)]
    return pd.DataFrame(rows).assign(**{"arm": "base", **changes})


def chosen(rows: pd.DataFrame, count: int | None, *benchmarks: str) -> pd.DataFrame:
    return of_first_prompts(rows, benchmarks or ("b",), count, KEY)


def test_all_arms_are_read_on_the_same_prompts_and_more_prompts_add_some():
    rows = pd.concat([rollouts(30), rollouts(30, arm="sft-x")[::-1]], ignore_index=True)
    sets = {}
    for count in (5, 12, 30):
        found = chosen(rows, count)
        sets[count], other = (set(found[found.arm == arm].prompt_id) for arm in ("base", "sft-x"))
        assert sets[count] == other and len(other) == count
    assert sets[5] < sets[12] < sets[30]
    # by a hash: not those that stand first
    assert sets[5] != {f"p{place}" for place in range(5)}


def test_rows_keep_their_order_and_are_numbered():
    rows = rollouts(9)
    found = chosen(rows, 4, "c", "b")
    assert found.index.tolist() == [*range(8)] and found.benchmark.tolist() == ["b"] * 4 + ["c"] * 4
    assert found.prompt_id.tolist() == sorted(found[:4].prompt_id) + sorted(found[4:].prompt_id)
    assert chosen(rows, None, "b", "c").equals(rows)


def test_prompts_of_one_benchmark_are_chosen_without_regard_to_another():
    rows = rollouts(20)
    assert chosen(rows, 3, "b", "c")[:3].equals(chosen(rows[rows.benchmark == "b"], 3))


def test_a_benchmark_without_rollouts_is_an_error():
    with pytest.raises(SafeLRMError, match="no rollouts of `d`") as error:
        of_first_prompts(rollouts(2), ["b", "d"], 1, KEY, Path("x.parquet"))
    assert all(text in str(error.value) for text in ("x.parquet", KEY, "['b', 'c']"))

"""Requests to an engine in shards. Each shard is kept once it is answered, so a killed job asks for the rest only."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.files import canonical_json
from safelrm.core.tables import Table
from safelrm.core.work import drop

Request = TypeVar("Request")


def in_shards(
    requests: Sequence[Request],
    size: int,
    answer: Callable[[Sequence[Request]], pd.DataFrame],
    *,
    table: Table,
    folder: Path,
) -> pd.DataFrame:
    """The answers to all requests, in order.

    Args:
        requests: JSON-serialisable values. A shard is named by a hash of its requests, so it answers no others.
        size: requests per shard. Shards depend on `size` alone, never on the shards that are there already: an answer
            that depends on its neighbours in a batch is the same after a kill.
        answer: gives one row of `table` per request, in order.
        table: columns of an answer.
        folder: where shards are kept.
    """
    shards = []
    for start in range(0, len(requests), size):
        shard = requests[start : start + size]
        digest = hashlib.sha256(canonical_json(list(shard)).encode()).hexdigest()[:32]
        path = folder / f"{digest}.parquet"
        rows = _kept(path, table, len(shard))
        if rows is None:
            table.write(path, answer(shard))
            # from the file, so that kept and new shards have the same types
            rows = table.read(path)
        shards.append(rows)
    return pd.concat(shards, ignore_index=True)


def _kept(path: Path, table: Table, size: int) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        rows = table.read(path)
    except SafeLRMError as error:
        drop(path, error.problem)
        return None
    if len(rows) != size:
        drop(path, f"it has {len(rows)} rows, not {size}")
        return None
    return rows

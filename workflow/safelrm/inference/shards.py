"""Requests to an engine in shards, each kept when it is answered: a job that was killed asks for the rest only."""

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
        requests: what JSON can say. A shard is named by a hash of its requests, so it answers no others.
        size: requests per shard. It alone parts the requests, never what is there already, so that an
            answer that depends on its neighbours in a batch is the same after a kill.
        answer: one row of `table` per request, in order.
        table: columns of an answer.
        folder: where shards are kept.
    """
    shards = []
    for start in range(0, len(requests), size):
        shard = requests[start : start + size]
        path = folder / f"{_digest(shard)}.parquet"
        rows = _kept(path, table, len(shard))
        if rows is None:
            table.write(path, answer(shard))
            # from the file, so that kept and new shards are of the same types
            rows = table.read(path)
        shards.append(rows)
    return pd.concat(shards, ignore_index=True)


def _digest(shard: Sequence[object]) -> str:
    return hashlib.sha256(canonical_json(list(shard)).encode()).hexdigest()[:32]


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

"""Rollouts and verdicts on them, and other programs that write over their files."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from safelrm.core.contents import seal
from safelrm.core.tables import Table

KINDS = ("harmful", "benign", "reasoning")


def rollouts(size: int = 6, **changes: object) -> pd.DataFrame:
    """Rows of ROLLOUTS of one run; every third prompt is of one kind."""
    columns = {
        "model": "m",
        "arm": "base",
        "seed": 1,
        "decoding": "default",
        "benchmark": "b",
        "prompt_id": [f"p{number}" for number in range(size)],
        "sample": 0,
        "kind": [KINDS[number % 3] for number in range(size)],
        "category": "c",
        "prompt": "how ?",
        "reference": "5",
        "completion": "plan </think> 5",
        "trace": "plan",
        "answer": "5",
        "parse_state": "ok",
        "finish_reason": "stop",
        "prompt_tokens": 3,
        "trace_tokens": 1,
        "completion_tokens": 3,
        "request_seed": 7,
    }
    return pd.DataFrame(columns | changes)


def verdicts(of: pd.DataFrame, **changes: object) -> pd.DataFrame:
    """Rows of VERDICTS of a guard that calls every part of the rollouts safe."""
    rows = of[["model", "arm", "seed", "decoding", "benchmark", "prompt_id", "sample", "kind", "category"]]
    parts = [rows.assign(part=part) for part in ("t", "y", "t+y")]
    said = {"judge": "g", "field": "safety", "verdict": "safe", "score": 0.25, "state": "scored"}
    return pd.concat(parts, ignore_index=True).assign(**said | changes)


def write_sealed(path: Path, table: Table, rows: pd.DataFrame) -> Path:
    """Write a file as a stage would that checks nothing: its seal is whole."""
    schema = pa.schema(field for field in table.schema if field.name in rows or field.name not in table.optional)
    arrow = pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema) as writer:
        writer.write_table(arrow)
        writer.add_key_value_metadata(seal(arrow))
    return path


def rewrite(path: Path, rows: pa.Table, *, footer: bool) -> None:
    """Write other rows over a file; with `footer` as a program does that keeps the key-value metadata."""
    said = pq.ParquetFile(path).metadata.metadata if footer else {}
    rows = rows.replace_schema_metadata(None)
    with pq.ParquetWriter(path, rows.schema) as writer:
        writer.write_table(rows)
        writer.add_key_value_metadata(said)

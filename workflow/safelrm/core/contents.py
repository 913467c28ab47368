"""A seal on the rows of a Parquet file: their number and a hash of them, which the file carries in its footer.

Checksums of pages show bytes that a disk has damaged. They do not show rows that another program filtered or edited:
that program writes a sound file of the same schema. The hash is over the values alone, so compression, row groups and
versions of libraries do not matter.
"""

import hashlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# one key, since the order of several is not fixed
KEY = "safelrm.rows"


def seal(rows: pa.Table) -> dict[str, str]:
    """What the footer says of the rows: their number and their hash."""
    return {KEY: f"{rows.num_rows} {content_hash(rows)}"}


def broken_seal(rows: pa.Table, footer: Mapping[bytes, bytes] | None) -> str | None:
    """How rows differ from what their maker wrote, or None if they are the same.

    Args:
        rows: the rows of a file.
        footer: the key-value metadata of the file.
    """
    number, _, digest = (footer or {}).get(KEY.encode(), b"").decode(errors="replace").partition(" ")
    if not number:
        return "does not say which rows its maker wrote: another program wrote this file"
    if number != str(rows.num_rows):
        return f"holds {rows.num_rows} rows, but its maker wrote {number}"
    if digest != content_hash(rows):
        return "holds other values than its maker wrote: another program changed this file"
    return None


def content_hash(rows: pa.Table) -> str:
    """Hex SHA-256 of names, types and values, in order."""
    digest = hashlib.sha256()
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        digest.update(f"{name}\0".encode())
        _add(digest, column)
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", column: pa.ChunkedArray) -> None:
    """Add the type of a column, which of its values are missing, and then the values that are there."""
    # Parquet renames the elements of lists, so their type as text would change
    kind = "list" if pa.types.is_list(column.type) else str(column.type)
    digest.update(f"{kind}\0{column.null_count}\0".encode())
    if column.null_count:
        digest.update(_bytes(column.is_valid()))
    present = column.drop_null()
    if pa.types.is_list(column.type):
        _add(digest, pc.list_value_length(present))
        _add(digest, pc.list_flatten(present))
    elif pa.types.is_string(column.type):
        _add(digest, pc.binary_length(present))
        for chunk in present.chunks:
            digest.update(_text(chunk))
    elif pa.types.is_boolean(column.type):
        digest.update(_bytes(present))
    else:
        digest.update(present.to_numpy())


def _bytes(flags: pa.ChunkedArray) -> np.ndarray:
    return pc.cast(flags, pa.uint8()).to_numpy()


def _text(chunk: pa.StringArray) -> memoryview:
    """All texts of a chunk as one, as they lie in memory."""
    _, offsets, data = chunk.buffers()
    if not len(chunk) or data is None:
        return memoryview(b"")
    ends = np.frombuffer(offsets, np.int32)
    return memoryview(data)[ends[chunk.offset] : ends[chunk.offset + len(chunk)]]

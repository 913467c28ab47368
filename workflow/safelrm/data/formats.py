"""Rows of a file: one mapping of column names to values each.

The suffix gives the format: `.csv` (RFC 4180, quoted line breaks allowed), `.tsv` (the same with tabs), `.jsonl` (one
object per line), `.json` (a list of objects) or `.parquet`. Text must be UTF-8. A byte order mark is dropped, and CRLF
inside a value becomes LF, so that a file which another program saved gives the same rows. Nothing else is repaired.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from safelrm.core.errors import SafeLRMError

Row = Mapping[str, object]


def parsed_rows(content: bytes, path: Path) -> Iterator[Row]:
    """The rows of a file, in order.

    Args:
        content: its bytes.
        path: its name, whose suffix gives the format.

    Raises:
        SafeLRMError: the format is unknown, or the content does not fit it.
    """
    return map(_with_plain_newlines, _parsed(content, path))


def _parsed(content: bytes, path: Path) -> Iterator[Row]:
    match path.suffix.lower():
        case ".csv":
            return _csv_rows(_decoded(content, path), path, ",")
        case ".tsv":
            return _csv_rows(_decoded(content, path), path, "\t")
        case ".jsonl":
            return _json_lines(_decoded(content, path), path)
        case ".json":
            return _json_items(_decoded(content, path), path)
        case ".parquet":
            return _parquet_rows(content, path)
        case suffix:
            raise SafeLRMError(f"unknown format {suffix!r}", file=path, fix="use .csv, .tsv, .json, .jsonl or .parquet")


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"not UTF-8 at byte {error.start}, in line {line}"
        raise SafeLRMError(problem, file=path, fix="save the file as UTF-8") from None


def _csv_rows(text: str, path: Path, separator: str) -> Iterator[Row]:
    remedy = "quote values that hold separators, quotes or newlines, and double the quotes inside them"
    # Python refuses fields above 131,072 characters unless it is told otherwise; a trace may be longer
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = next(reader, [])
        _check_unique(header, path)
        for number, row in enumerate((row for row in reader if row), start=1):
            if len(row) != len(header):
                problem = f"row {number} has {len(row)} values, the header names {len(header)}"
                raise SafeLRMError(problem, file=path, fix=remedy)
            yield dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise SafeLRMError(f"not CSV near line {reader.line_num} ({error})", file=path, fix=remedy) from None


def _json_lines(text: str, path: Path) -> Iterator[Row]:
    # not splitlines: it also splits at line separators that JSON strings may hold
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _json_object(_json(line, path, number), path, f"line {number}")


def _json_items(text: str, path: Path) -> Iterator[Row]:
    items = _json(text, path, 1) if text.strip() else []
    if not isinstance(items, list):
        raise SafeLRMError("not a list of objects", file=path, fix="wrap the objects in [ ]")
    for number, item in enumerate(items, start=1):
        yield _json_object(item, path, f"item {number}")


def _json(text: str, path: Path, line: int) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        problem = f"not JSON at line {line + error.lineno - 1}, column {error.colno} ({error.msg})"
    except (RecursionError, ValueError) as error:
        problem = f"not JSON that can be read from line {line} on ({error})"
    raise SafeLRMError(problem, file=path, fix="download the file again")


def _json_object(item: object, path: Path, where: str) -> Row:
    if not isinstance(item, dict):
        raise SafeLRMError(f"{where} is not an object", file=path, fix="download the file again")
    return item


def _parquet_rows(content: bytes, path: Path) -> Iterator[Row]:
    try:
        table = pq.ParquetFile(pa.BufferReader(content)).read()
        _check_unique(table.column_names, path)
        yield from table.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SafeLRMError(f"not a readable Parquet file ({error})", file=path, fix="download it again") from None


def _check_unique(columns: Sequence[str], path: Path) -> None:
    if len(set(columns)) != len(columns):
        raise SafeLRMError("two columns have the same name", file=path, fix="rename one")


def _with_plain_newlines(row: Row) -> Row:
    return {name: value.replace("\r\n", "\n") if isinstance(value, str) else value for name, value in row.items()}

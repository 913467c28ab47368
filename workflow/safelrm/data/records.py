"""Reading the files of public data sets: what every source of real data shares.

Formats, chosen by suffix: `.csv` (RFC 4180: quoted newlines allowed), `.jsonl` (an object per line)
and `.json` (a list of objects). Text is UTF-8; a byte order mark is dropped, and CRLF inside a value
becomes LF, so that a file saved by another program gives the same table. Columns that a source does
not name are ignored. Nothing is repaired beyond that: a row that does not fit is an error, and
messages name its number, counted from 1 without the header, never its text.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from safelrm.core.errors import SafeLRMError
from safelrm.core.settings import Revision, Strict

Row = dict[str, object]


class RecordSettings(Strict):
    """Where the records of a public data set are."""

    path: str | None = Field(None, description="file to read; without it the data set is fetched from the hub")
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="SHA-256 that the file at `path` must have")
    hub: str | None = Field(None, description="id of the data set on the hub, where a copy has these columns")
    hub_config: str | None = Field(None, description="configuration of the data set on the hub")
    hub_file: str | None = Field(None, description="the one file of the data set on the hub that is wanted")
    split: str = Field("train", description="split of the data set on the hub")
    revision: Revision | None = Field(
        None, description="commit of the data set on the hub; none: not known yet, fill it in online"
    )


@dataclass(frozen=True)
class Records:
    """Rows of a data set and where they came from, for messages."""

    rows: Sequence[Row]
    origin: str

    def texts(self, column: str, *, empty: bool = False) -> list[str]:
        """The strings of a column, stripped of outer white space; empty ones only if `empty`.

        Raises:
            SafeLRMError: the column is missing, or a value is not a string or empty.
        """
        values = self.values(column)
        for number, value in enumerate(values, start=1):
            if not isinstance(value, str):
                raise self.fault(f"row {number} holds {type(value).__name__}, must be a string", column)
            if not empty and not value.strip():
                raise self.fault(f"row {number} is empty", column)
            if not _encodable(value):
                raise self.fault(f"row {number} holds half of a surrogate pair, which is no character", column)
        return [value.strip() for value in values]

    def values(self, column: str) -> list[object]:
        """The values of a column.

        Raises:
            SafeLRMError: a row lacks the column.
        """
        for number, row in enumerate(self.rows, start=1):
            if column not in row:
                raise self.fault(f"row {number} lacks this column; it has {sorted(row)}", column)
        return [row[column] for row in self.rows]

    def choices(self, column: str, allowed: Sequence[str]) -> list[str]:
        """The strings of a column whose values are known.

        Raises:
            SafeLRMError: there is another value.
        """
        values = self.texts(column)
        for number, value in enumerate(values, start=1):
            if value not in allowed:
                raise self.fault(f"row {number} holds an unknown value, must be of {list(allowed)}", column)
        return values

    def once(self, column: str) -> "Records":
        """The records without those whose text in a column is that of an earlier one."""
        first: dict[str, Row] = {}
        for text, row in zip(self.texts(column), self.rows, strict=True):
            first.setdefault(text, row)
        return Records([*first.values()], self.origin)

    def ids(self, column: str | None, texts: Sequence[str], prefix: str) -> list[str]:
        """Unique row ids: the values of `column`, or else made from `texts`.

        A made id depends on its text alone, so that it survives sorting and sampling of the file.

        Raises:
            SafeLRMError: two rows share an id.
        """
        if column is not None:
            found = self.texts(column)
        else:
            found = [f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:12]}" for text in texts]
        first: dict[str, int] = {}
        for number, value in enumerate(found, start=1):
            if first.setdefault(value, number) != number:
                what = "id" if column else "prompt"
                raise self.fault(f"rows {first[value]} and {number} have the same {what}", column)
        return found

    def fault(self, problem: str, column: str | None = None) -> SafeLRMError:
        """An error in these records."""
        return SafeLRMError(
            problem,
            file=self.origin,
            key=column,
            fix="compare the file with the one its publisher offers, and the column names with the source's settings",
        )


def read_records(settings: RecordSettings) -> Records:
    """The records of the file at `path`.

    Raises:
        SafeLRMError: the file is not given, missing, empty, corrupt, not UTF-8 or not the pinned one.
    """
    if settings.path is None:
        raise SafeLRMError("no file is given", key="path", fix="give path")
    path = Path(settings.path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SafeLRMError(
            f"cannot be read ({error.strerror})", file=path, fix="put the publisher's file there, or correct the path"
        ) from None
    _check_sha256(content, settings.sha256, path)
    rows = list(_parsed(_decoded(content, path), path))
    if not rows:
        raise SafeLRMError("holds no rows", file=path, fix="download the file again")
    return Records(rows, str(path))


def _check_sha256(content: bytes, expected: str | None, path: Path) -> None:
    found = hashlib.sha256(content).hexdigest()
    if expected is not None and found != expected:
        raise SafeLRMError(
            f"the file has {found}, the settings say {expected}",
            file=path,
            key="sha256",
            fix="download the pinned version of the file, or change sha256 if the new one is meant",
        )


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SafeLRMError(f"not UTF-8 at byte {error.start}", file=path, fix="save the file as UTF-8") from None


def _parsed(text: str, path: Path) -> Iterator[Row]:
    match path.suffix.lower():
        case ".csv":
            yield from _csv_rows(text, path)
        case ".jsonl":
            # not splitlines: it also splits at line separators that JSON strings may hold
            for number, line in enumerate(text.split("\n"), start=1):
                if line.strip():
                    yield _json_object(_json(line, path, number), path, f"line {number}")
        case ".json":
            items = _json(text, path, 1) if text.strip() else []
            if not isinstance(items, list):
                raise SafeLRMError("not a list of objects", file=path, fix="wrap the objects in [ ]")
            for number, item in enumerate(items, start=1):
                yield _json_object(item, path, f"item {number}")
        case suffix:
            raise SafeLRMError(f"unknown format {suffix!r}", file=path, fix="use .csv, .json or .jsonl")


def _csv_rows(text: str, path: Path) -> Iterator[Row]:
    remedy = "quote values that hold commas, quotes or newlines, and double the quotes inside them"
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) != len(header):
            raise SafeLRMError("two columns have the same name", file=path, fix="rename one")
        for number, row in enumerate((row for row in reader if row), start=1):
            if len(row) != len(header):
                problem = f"row {number} has {len(row)} values, the header names {len(header)}"
                raise SafeLRMError(problem, file=path, fix=remedy)
            yield {name: value.replace("\r\n", "\n") for name, value in zip(header, row, strict=True)}
    except csv.Error as error:
        raise SafeLRMError(f"not CSV near line {reader.line_num} ({error})", file=path, fix=remedy) from None


def _json(text: str, path: Path, line: int) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SafeLRMError(
            f"not JSON at line {line + error.lineno - 1}, column {error.colno} ({error.msg})",
            file=path,
            fix="download the file again",
        ) from None


def _json_object(item: object, path: Path, where: str) -> Row:
    if not isinstance(item, dict):
        raise SafeLRMError(f"{where} is not an object", file=path, fix="download the file again")
    return {name: value.replace("\r\n", "\n") if isinstance(value, str) else value for name, value in item.items()}


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

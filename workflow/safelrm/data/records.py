"""Records: the rows of a public data set's file, and their columns as texts.

A row that does not fit is an error. Messages name a row by its number in the file, counted from 1 without the header,
and never show its text.
"""

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safelrm.core.errors import SafeLRMError
from safelrm.data.formats import Row, parsed_rows
from safelrm.data.settings import RecordSettings

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Records:
    """Rows of a data set by their number in the file, and the file's name for messages.

    Attributes:
        rows: the rows that are left.
        origin: name of the file.
        left_out: numbers of the other rows of the file, by the reason why they are left out.
    """

    rows: Mapping[int, Row]
    origin: str
    left_out: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """Rows of the file."""
        return len(self.rows) + sum(map(len, self.left_out.values()))

    def chosen(self, numbers: Iterable[int]) -> "Records":
        """Some of the rows, without an account of the others."""
        return Records({number: self.rows[number] for number in numbers}, self.origin)

    def without(self, numbers: Collection[int], reason: str) -> "Records":
        """The records without some rows, which are left out for a reason."""
        gone = set(numbers)
        rows = {number: row for number, row in self.rows.items() if number not in gone}
        known = self.left_out.get(reason, ())
        return Records(rows, self.origin, {**self.left_out, reason: (*known, *numbers)} if gone else self.left_out)

    def values(self, column: str) -> dict[int, object]:
        """The values of a column by row number; missing values (null and NaN) are None.

        Raises:
            SafeLRMError: a row lacks the column.
        """
        found = {}
        for number, row in self.rows.items():
            if column not in row:
                fix = f"name a column of the file in the settings: it has {sorted(row)}"
                raise self.fault(f"row {number} lacks this column", column, fix)
            value = row[column]
            found[number] = None if isinstance(value, float) and math.isnan(value) else value
        return found

    def texts(self, column: str, *, empty: bool = False, numbers: bool = False) -> list[str]:
        """The texts of a column, without white space around them.

        Args:
            column: its name.
            empty: whether a text may be empty; a missing value is then empty, too.
            numbers: whether integers are taken as texts.

        Raises:
            SafeLRMError: the column is missing, or a value is empty or no text.
        """
        texts = []
        for number, value in self.values(column).items():
            text = "" if value is None else str(value) if numbers and type(value) is int else value
            if not isinstance(text, str):
                raise self.fault(f"row {number} holds {type(value).__name__}, must be a string", column)
            if not empty and not text.strip():
                raise self.fault(f"row {number} is empty", column, "fill it in, or leave the row out with `where_not`")
            if _SURROGATE.search(text):
                raise self.fault(f"row {number} holds half of a surrogate pair, which is no character", column)
            texts.append(text.strip())
        return texts

    def labels(self, column: str) -> list[str]:
        """The values of a column as texts to compare; a missing value is empty.

        Raises:
            SafeLRMError: the column is missing, or a value is no text, number or truth value.
        """
        values = self.values(column)
        for number, value in values.items():
            if not isinstance(value, str | int | float | None):
                raise self.fault(f"row {number} holds {type(value).__name__}, must be text or a number", column)
        return [label(value) for value in values.values()]

    def choices(self, column: str, allowed: Collection[str]) -> list[str]:
        """The labels of a column of which all must be known.

        Raises:
            SafeLRMError: there is another label.
        """
        labels = self.labels(column)
        for number, value in zip(self.rows, labels, strict=True):
            if value not in allowed:
                raise self.fault(f"row {number} holds an unknown value, must be of {sorted(allowed)}", column)
        return labels

    def ids(self, column: str | None, texts: Sequence[str], prefix: str) -> list[str]:
        """Ids of the rows: the values of `column`, or else ids made from `texts`.

        A made id depends on its text alone, so that it survives sorting and sampling of the file.
        """
        if column is not None:
            return self.texts(column, numbers=True)
        return [f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:12]}" for text in texts]

    def require_unique(self, ids: Sequence[str], column: str | None) -> None:
        """Make sure that no two rows share an id.

        Raises:
            SafeLRMError: two do.
        """
        for number, first in self._repeated(ids).items():
            what, fix = ("id", "name another column") if column else ("prompt", "remove one, or set `once: true`")
            raise self.fault(f"rows {first} and {number} have the same {what}", column, fix)

    def first_of_each(self, texts: Sequence[str], reason: str) -> "Records":
        """The records without those whose text an earlier one has."""
        return self.without([*self._repeated(texts)], reason)

    def _repeated(self, texts: Sequence[str]) -> dict[int, int]:
        """The number of each row whose text an earlier row has, with the number of the first of these."""
        first: dict[str, int] = {}
        pairs = [(number, first.setdefault(text, number)) for number, text in zip(self.rows, texts, strict=True)]
        return {number: earlier for number, earlier in pairs if number != earlier}

    def holding(self, column: str, wanted: Collection[str], *, invert: bool = False) -> "Records":
        """The records whose label in a column is wanted, or those whose label is not.

        Raises:
            SafeLRMError: no record holds one of these labels, which may be misspelt.
        """
        labels = self.labels(column)
        if absent := sorted(set(wanted) - set(labels)):
            raise self.fault(f"no row holds {absent}, which a filter names", column, "correct or remove the value")
        gone = [number for number, value in zip(self.rows, labels, strict=True) if (value in wanted) == invert]
        if len(gone) == len(self.rows):
            raise self.fault("the filters leave no row", column, "loosen `where` and `where_not`")
        return self.without(gone, f"`{'where_not' if invert else 'where'}`, {column}")

    def fault(self, problem: str, column: str | None = None, fix: str | None = None) -> SafeLRMError:
        """An error in these records."""
        fix = fix or "compare the file with the publisher's, and the columns with those in the data set's settings"
        return SafeLRMError(problem, file=self.origin, key=column, fix=fix)


def label(value: object) -> str:
    """A single value as text, as JSON would write it; nothing is empty."""
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value)


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
    found = hashlib.sha256(content).hexdigest()
    if settings.sha256 not in (None, found):
        raise SafeLRMError(
            f"the file has {found}, the settings say {settings.sha256}",
            file=path,
            key="sha256",
            fix="download the pinned version of the file, or change sha256 if the new one is meant",
        )
    rows = dict(enumerate(parsed_rows(content, path), start=1))
    if not rows:
        raise SafeLRMError("holds no rows", file=path, fix="download the file again")
    return Records(rows, str(path))

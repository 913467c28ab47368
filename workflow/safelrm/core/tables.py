"""Parquet tables with a declared schema and rules. Every table is checked when it is written and when it is read."""

from dataclasses import dataclass
from pathlib import Path
from string import Formatter

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from safelrm.core.contents import broken_seal, seal
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import atomic_path, how_to_drop, write_text
from safelrm.core.rules import Rule, first_breach


@dataclass(frozen=True)
class Table:
    """A table between two stages.

    Attributes:
        name: what the rows are, for messages.
        schema: column names, types and nullability, in order. Other columns are refused.
        key: the columns that identify a row. No two rows may agree in all of them.
        choices: the allowed values of a column.
        rules: what must be true of every row.
        place: the end of a file's path, such as "{judge}/{model}.parquet". Each named column of the file holds one
            value, the one in the path.
        decimals: floating-point numbers are rounded to so many decimals when they are written.
        optional: columns that a file lacks where no row has a value. A reader finds missing values there.
        not_in_csv: columns that a CSV file leaves out.
    """

    name: str
    schema: pa.Schema
    key: tuple[str, ...] = ()
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rules: tuple[Rule, ...] = ()
    place: str = ""
    decimals: int | None = None
    optional: tuple[str, ...] = ()
    not_in_csv: tuple[str, ...] = ()

    def read(self, path: str | Path, *, allow_empty: bool = False) -> pd.DataFrame:
        """The table at `path`.

        Raises:
            SafeLRMError: the file is missing, not Parquet, truncated, damaged, not of this schema, against a rule, in
                another's place, or its rows are not those that its maker wrote.
        """
        remedy = how_to_drop(path)
        try:
            # not read_table, which takes columns from folder names
            file = pq.ParquetFile(path, page_checksum_verification=True)
            arrow = file.read()
        except FileNotFoundError:
            raise SafeLRMError("the file does not exist", file=path, fix="run the rule that writes it") from None
        except (pa.ArrowException, OSError) as error:
            raise SafeLRMError(f"not a readable Parquet file ({error})", file=path, fix=remedy) from error
        self._check(arrow, path, remedy)
        self._check_place(arrow, path, remedy)
        if fault := broken_seal(arrow, file.metadata.metadata):
            raise SafeLRMError(fault, file=path, fix=remedy)
        if not allow_empty and arrow.num_rows == 0:
            raise SafeLRMError(f"the {self.name} table has no rows", file=path, fix="check the settings of its rule")
        return arrow.to_pandas().assign(**dict.fromkeys(set(self.optional) - set(arrow.column_names)))

    def write(self, path: str | Path, rows: pd.DataFrame, *, allow_empty: bool = False) -> None:
        """Write `rows` to `path`, completely or not at all. The same rows give the same bytes.

        Raises:
            SafeLRMError: the rows are not of this schema, against a rule, or not of this place.
        """
        arrow = self._typed(path, rows, allow_empty)
        self._check_place(arrow, path, self._fault())
        options = {"compression": "zstd", "store_schema": False, "write_page_checksum": True}
        with atomic_path(path) as temporary, pq.ParquetWriter(temporary, arrow.schema, **options) as writer:
            writer.write_table(arrow)
            writer.add_key_value_metadata(seal(arrow))

    def write_csv(self, path: str | Path, rows: pd.DataFrame, *, allow_empty: bool = False) -> None:
        """Write `rows` as CSV, for a result that people read and no stage reads.

        Raises:
            SafeLRMError: the rows are not of this schema, or against a rule.
        """
        arrow = self._typed(path, rows, allow_empty)
        # integers stay integers where values are missing
        frame = arrow.drop_columns(list(self.not_in_csv)).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        write_text(path, frame.to_csv(index=False, lineterminator="\n"))

    def _typed(self, path: str | Path, rows: pd.DataFrame, allow_empty: bool) -> pa.Table:
        remedy = self._fault()
        unknown = [column for column in rows.columns if column not in self.schema.names]
        missing = [column for column in self.schema.names if column not in (*rows.columns, *self.optional)]
        if unknown or missing:
            raise SafeLRMError(
                f"the {self.name} table lacks columns {missing} and has unknown columns {unknown}",
                file=path,
                fix=remedy,
            )
        if rows.empty and not allow_empty:
            raise SafeLRMError(f"the {self.name} table would have no rows", file=path, fix=remedy)
        empty = {column for column in self.optional if column not in rows or rows[column].isna().all()}
        schema = pa.schema(field for field in self.schema if field.name not in empty)
        try:
            arrow = pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise SafeLRMError(f"rows do not fit the {self.name} table: {error}", file=path, fix=remedy) from error
        arrow = self._rounded(arrow.replace_schema_metadata(None))
        self._check(arrow, path, remedy)
        return arrow

    def _fault(self) -> str:
        return f"this is a fault of the stage that makes the {self.name} table, or of its input"

    def _rounded(self, arrow: pa.Table) -> pa.Table:
        for place, field in enumerate(arrow.schema):
            if self.decimals is not None and pa.types.is_floating(field.type):
                # adding 0 makes -0.0, which tiny negative numbers round to, the same as 0.0
                rounded = pc.add(pc.round(arrow[field.name], self.decimals), 0.0)
                arrow = arrow.set_column(place, field, rounded)
        return arrow

    def _check(self, arrow: pa.Table, path: str | Path, remedy: str) -> None:
        if len(set(arrow.column_names)) != arrow.num_columns:
            raise SafeLRMError("two columns have the same name", file=path, fix=remedy)
        for lacking in set(self.schema.names) - {*arrow.column_names, *self.optional}:
            raise SafeLRMError(f"the {self.name} table lacks this column", file=path, key=lacking, fix=remedy)
        for field in (field for field in self.schema if field.name in arrow.column_names):
            column = arrow[field.name]
            if column.type != field.type:
                raise SafeLRMError(f"is {column.type}, must be {field.type}", file=path, key=field.name, fix=remedy)
            if not field.nullable and column.null_count:
                raise SafeLRMError(f"{column.null_count} values are missing", file=path, key=field.name, fix=remedy)
            if pa.types.is_floating(field.type) and column.drop_null().to_pandas().isna().any():
                raise SafeLRMError("holds NaN", file=path, key=field.name, fix=remedy)
        unknown = [name for name in arrow.column_names if name not in self.schema.names]
        if unknown:
            raise SafeLRMError(f"unknown columns {unknown}", file=path, fix=remedy)
        for column, allowed in self.choices:
            found = set(arrow[column].unique().to_pylist()) - set(allowed) - {None}
            if found:
                raise SafeLRMError(
                    f"unknown values {sorted(found)}, must be of {list(allowed)}", file=path, key=column, fix=remedy
                )
        if self.key:
            frame = arrow.select(list(self.key)).to_pandas()
            if frame.duplicated().any():
                first = frame[frame.duplicated()].iloc[0].to_dict()
                raise SafeLRMError(f"rows are not unique, for example {first}", file=path, fix=remedy)
        if breach := first_breach(self.rules, arrow, self.key):
            raise SafeLRMError(breach[1], file=path, key=", ".join(breach[0].columns), fix=remedy)

    def _check_place(self, arrow: pa.Table, path: str | Path, remedy: str) -> None:
        named = [column for _, column, _, _ in Formatter().parse(self.place) if column]
        values = {column: arrow[column].unique().to_pylist() for column in named}
        for column, found in values.items():
            if len(found) != 1:
                raise SafeLRMError(f"must be one value in a file, not {found[:5]}", file=path, key=column, fix=remedy)
        wanted = Path(self.place.format(**{column: found[0] for column, found in values.items()})).parts
        if wanted != Path(path).parts[-len(wanted) :] and wanted:
            said = f"the rows are those of {Path(*wanted)}, so the file is in another's place"
            raise SafeLRMError(said, file=path, key=", ".join(named), fix=remedy)


def columns(**types: pa.DataType | tuple[pa.DataType, None]) -> pa.Schema:
    """A schema from column types. `(type, None)` marks a column in which values may be missing."""
    return pa.schema(
        pa.field(name, kind[0], nullable=True) if isinstance(kind, tuple) else pa.field(name, kind, nullable=False)
        for name, kind in types.items()
    )

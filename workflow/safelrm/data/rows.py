"""Count what became of the rows of every file that a study reads: those that are kept, and those left out, by reason.

Input:  the files of the data sets, and the tables that `curate` has made of them.
Output: a CSV file. A row of a file is named by its number, and never by its text.

The file is read again, in the same way. A table that has another number of rows than are kept ends the job.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from safelrm.core.cli import named_paths, parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import how_to_drop
from safelrm.core.registered import load_registered
from safelrm.data.account import Account
from safelrm.data.schemas import KEPT, ROW_COUNTS
from safelrm.data.settings import ReadSettings, RowsSettings


def account(entry: ReadSettings, file: Path) -> Account:
    """What became of the rows of a file.

    Args:
        entry: the source that reads it, and its settings.
        file: the file.

    Raises:
        SafeLRMError: the file cannot be read, or its rows do not fit the settings.
    """
    module = load_registered(entry.source, "Settings", "accounted")
    settings = module.Settings.model_validate(entry.settings).model_copy(update={"path": str(file)})
    return module.accounted(settings)[1]


def count_rows(dataset: str, entry: ReadSettings, file: Path, table: Path) -> Iterator[dict[str, object]]:
    """The rows of ROW_COUNTS for one data set.

    Raises:
        SafeLRMError: the table has another number of rows than are kept of the file.
    """
    found, made = account(entry, file), pq.ParquetFile(table).metadata.num_rows
    if found.kept != made:
        problem = f"has {made} rows; {found.kept} rows of {file} are kept"
        raise SafeLRMError(problem, file=table, key=dataset, fix=how_to_drop(table))
    of_file = {"dataset": dataset, "read": found.read}
    yield {**of_file, "outcome": KEPT, "rows": found.kept, "numbers": None}
    for reason, numbers in found.left_out.items():
        yield {**of_file, "outcome": reason, "rows": len(numbers), "numbers": ranges(numbers)}


def ranges(numbers: Sequence[int]) -> str:
    """Numbers as a text with ranges, such as "3, 17-19"."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--files", nargs="+", required=True, metavar="NAME=PATH", help="files of the data sets")
    parser.add_argument("--tables", nargs="+", required=True, metavar="NAME=PATH", help="tables made of them")
    parser.add_argument("--output", required=True, type=Path, help="CSV file to write")
    arguments = parser.parse_args()
    read = parse_settings(RowsSettings, arguments.settings).datasets
    files, tables = named_paths("--files", arguments.files), named_paths("--tables", arguments.tables)
    rows = [row for name, entry in read.items() for row in count_rows(name, entry, files[name], tables[name])]
    ROW_COUNTS.write_csv(arguments.output, pd.DataFrame(rows, columns=ROW_COUNTS.schema.names))


if __name__ == "__main__":
    run(main)

"""The files of the commands after judging: they read verdicts, and write Parquet, CSV and Markdown."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from safelrm.core.cli import stage_parser
from safelrm.core.files import write_text
from safelrm.core.tables import Table
from safelrm.judging.schemas import VERDICTS

# CSV files hold rounded numbers, so that other processors and libraries give the same bytes
DECIMALS = 6
OPTIONS = {
    "samples": "samples of every run",
    "verdicts": "verdicts of the judges on every model",
    "metrics": "metrics table",
    "differences": "differences table",
    "output": "table to write, Parquet",
    "csv": "table to write, CSV",
    "markdown": "table to write for readers, Markdown",
}


def results_parser(description: str | None, *options: str) -> argparse.ArgumentParser:
    """An argument parser with `--settings` and the named OPTIONS, each a required path; `--verdicts` takes several."""
    parser = stage_parser(description)
    for name in options:
        nargs = "+" if name == "verdicts" else None
        parser.add_argument(f"--{name}", required=True, type=Path, nargs=nargs, help=OPTIONS[name])
    return parser


def read_verdicts(paths: Sequence[Path]) -> pd.DataFrame:
    """The rows of several verdicts tables.

    Raises:
        SafeLRMError: a file is missing, damaged or no verdicts table.
    """
    return pd.concat([VERDICTS.read(path) for path in paths], ignore_index=True)


def write_csv_and_markdown(
    table: Table, rows: pd.DataFrame, markdown: str, paths: argparse.Namespace, *, allow_empty: bool = False
) -> None:
    """Write `rows` of `table` to `paths.csv`, rounded, and the text `markdown` to `paths.markdown`.

    Raises:
        SafeLRMError: the rows do not fit the table, or there are none and `allow_empty` is not set.
    """
    table.write_csv(paths.csv, rows.round(DECIMALS), allow_empty=allow_empty)
    write_text(paths.markdown, markdown)

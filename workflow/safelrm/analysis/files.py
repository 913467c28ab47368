"""The files of the commands after judging: they read samples, verdicts and numbers, and write CSV and Markdown."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from safelrm.analysis.settings import ModelModes
from safelrm.core.cli import stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import how_to_drop, write_text
from safelrm.core.tables import Table
from safelrm.generation.schemas import SAMPLES
from safelrm.judging.coverage import gap
from safelrm.judging.schemas import VERDICTS

# CSV files hold rounded numbers, so that other processors and libraries give the same bytes
DECIMALS = 6
OPTIONS = {
    "samples": "samples of every run",
    "verdicts": "verdicts of the judges on every model",
    "analyses": "tables of the trace analyses on every model",
    "metrics": "metrics table",
    "differences": "differences table",
    "output": "table to write, Parquet",
    "csv": "table to write, CSV",
    "markdown": "table to write for readers, Markdown",
}
MANY = ("verdicts", "analyses")


def results_parser(description: str | None, *options: str) -> argparse.ArgumentParser:
    """An argument parser with `--settings` and the named OPTIONS, each a required path; those of MANY take several."""
    parser = stage_parser(description)
    for name in options:
        nargs = "+" if name in MANY else None
        parser.add_argument(f"--{name}", required=True, type=Path, nargs=nargs, help=OPTIONS[name])
    return parser


def read_verdicts(paths: Sequence[Path]) -> pd.DataFrame:
    """The rows of several verdicts tables.

    Raises:
        SafeLRMError: a file is missing, damaged or no verdicts table.
    """
    return pd.concat([VERDICTS.read(path) for path in paths], ignore_index=True)


def read_judged(samples: Path, verdicts: Sequence[Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Samples, and verdicts on all of them that the judges judge.

    Raises:
        SafeLRMError: a file is missing, damaged or no such table, or verdicts are missing or too many.
    """
    rows = SAMPLES.read(samples)
    tables = {path: VERDICTS.read(path) for path in verdicts}
    for path, table in tables.items():
        if fault := gap(table, rows[rows.model == table.model.iat[0]]):
            said = f"{fault}; the rollouts are those of {samples}"
            raise SafeLRMError(said, file=path, key="prompt_id", fix=how_to_drop(path, samples))
    return rows, pd.concat(tables.values(), ignore_index=True)


def require_models(rows: pd.DataFrame, models: Sequence[ModelModes], path: Path, *, some: bool = False) -> pd.DataFrame:
    """Make sure that the rows of a file are about the study's models in their decoding modes, and give the rows back.

    Args:
        rows: rows with `model` and `decoding`.
        models: the models of the study.
        path: the file.
        some: whether models and modes may be missing.

    Raises:
        SafeLRMError: a model or a mode is missing or not of the study.
    """
    named = {(model.name, mode) for model in models for mode in model.decodings}
    found = set(zip(rows.model, rows.decoding, strict=True))
    if found - named or (named - found and not some):
        raise SafeLRMError(
            f"is about {sorted(found)}, the study has {sorted(named)}",
            file=path,
            key="model, decoding",
            fix=how_to_drop(path),
        )
    return rows


def write_csv_and_markdown(
    table: Table, rows: pd.DataFrame, markdown: str, paths: argparse.Namespace, *, allow_empty: bool = False
) -> None:
    """Write `rows` of `table` to `paths.csv`, rounded, and the text `markdown` to `paths.markdown`.

    Raises:
        SafeLRMError: the rows do not fit the table, or there are none and `allow_empty` is not set.
    """
    table.write_csv(paths.csv, rows.round(DECIMALS), allow_empty=allow_empty)
    write_text(paths.markdown, markdown)

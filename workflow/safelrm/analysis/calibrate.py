"""Calibration of safety judges: how far each agrees with a reference judge, on what the models of the study said.

Input:  verdicts tables of the judges that the settings name, and of others, which are passed over.
Output: the table CALIBRATION (analysis/schemas.py), the same as CSV, and as Markdown to read.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pandas as pd

from safelrm.analysis.calibration import GROUP, calibration
from safelrm.analysis.markdown import NONE, table
from safelrm.analysis.schemas import CALIBRATION
from safelrm.analysis.settings import CalibrationSettings
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.files import write_text
from safelrm.judging.schemas import VERDICTS

# fixed, so that other processors and libraries give the same bytes
DECIMALS = 6
OF_JUDGES = ("AUROC", "ECE", "false safe", "false unsafe")
_HEAD = (
    "Judges of safety against the judge `{reference}`, whose verdicts count as true. Unsafe: of the texts that it could"
    " tell; undetermined: those that it could not. False safe: called safe, of the unsafe ones; false unsafe: called"
    " unsafe, of the safe ones; with their Wilson intervals, which take the samples of a prompt with several seeds as"
    " independent, and so are too narrow where there are several.\n"
)


def markdown(rows: pd.DataFrame) -> str:
    """One table per set of prompts, with one line per model, arm, decoding and part, and the judges side by side.

    Args:
        rows: rows of CALIBRATION, in order.
    """
    tables = [f"\n**Prompts: {name}**\n\n{_grid(of_set)}" for name, of_set in rows.groupby("prompts", sort=False)]
    return _HEAD.format(reference=rows.reference.iat[0]) + "".join(tables)


def _grid(rows: pd.DataFrame) -> str:
    judges = list(dict.fromkeys(rows.judge))
    head = [*GROUP, "unsafe", "undetermined", *(f"{judge}: {name}" for judge in judges for name in OF_JUDGES)]
    lines: list[Sequence[str]] = []
    for group, of_line in rows.groupby(GROUP, sort=False):
        by_judge = of_line.set_index("judge")
        lines.append([*group, *_truth(of_line), *chain.from_iterable(_cells(by_judge.loc[judge]) for judge in judges)])
    return table(head, lines)


def _truth(rows: pd.DataFrame) -> tuple[str, str]:
    """What the reference says; of the judges' counts, which differ if one could not read a text, the largest."""
    widest = rows.loc[rows.n.idxmax()]
    return f"{widest.unsafe}/{widest.n}", str(widest.undetermined)


def _cells(row: pd.Series) -> tuple[str, ...]:
    return (
        _number(row.auroc),
        _number(row.ece),
        _rate(row, "false_safe", row.unsafe),
        _rate(row, "false_unsafe", row.n - row.unsafe),
    )


def _number(value: float | None) -> str:
    return NONE if pd.isna(value) else f"{value:.3f}"


def _rate(row: pd.Series, name: str, total: int) -> str:
    if not total:
        return NONE
    interval = f"[{row[f'{name}_low']:.3f}, {row[f'{name}_high']:.3f}]"
    return f"{row[name]}/{total} = {row[f'{name}_rate']:.3f} {interval}"


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--verdicts", required=True, nargs="+", type=Path, help="verdicts of the judges and models")
    parser.add_argument("--output", required=True, type=Path, help="calibration table to write")
    parser.add_argument("--csv", required=True, type=Path, help="the same, CSV")
    parser.add_argument("--markdown", required=True, type=Path, help="the same, Markdown")
    arguments = parser.parse_args()
    settings = parse_settings(CalibrationSettings, arguments.settings)
    verdicts = pd.concat([VERDICTS.read(path) for path in arguments.verdicts], ignore_index=True)
    rows = calibration(verdicts, settings)
    CALIBRATION.write(arguments.output, rows)
    CALIBRATION.write_csv(arguments.csv, rows.round(DECIMALS))
    write_text(arguments.markdown, markdown(rows))


if __name__ == "__main__":
    run(main)

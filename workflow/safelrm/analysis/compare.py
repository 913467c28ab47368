"""Paired differences: every arm against its base, RL against SFT, bases against the reference, mode against mode.

Input:  samples and verdicts of every run.
Output: the table DIFFERENCES (analysis/schemas.py), the same as CSV, and as Markdown to read.
"""

from pathlib import Path

import pandas as pd

from safelrm.analysis.differences import differences
from safelrm.analysis.markdown import grid, interval, measure
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.schemas import ALL, ARM_BASE, BASE_REFERENCE, DECODINGS, DIFFERENCES, RL_SFT
from safelrm.analysis.settings import ComparisonSettings
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.files import write_text
from safelrm.generation.schemas import SAMPLES
from safelrm.judging.schemas import VERDICTS

# fixed, so that other processors and libraries give the same bytes
DECIMALS = 6
# of fewer prompts a difference says nothing: the table shows their number alone
FEW = 30
TITLES = {
    ARM_BASE: "Arms less their base",
    RL_SFT: "RL less SFT",
    BASE_REFERENCE: "Bases less the reference",
    DECODINGS: "One decoding mode less another of the same runs",
}


def markdown(rows: pd.DataFrame, settings: ComparisonSettings) -> str:
    """The differences over all categories: one table per kind of comparison, one column per metric."""
    shown = rows[rows.category == ALL]
    if shown.empty:
        return "There are no two runs to compare.\n"
    tables = [
        f"**{TITLES[kind]}**\n\n" + grid(["run", "less"], _names(of_kind), measure(of_kind), _cells(of_kind))
        for kind, of_kind in shown.groupby("comparison", sort=False)
    ]
    return "\n".join([*tables, _footnote(shown, settings)])


def _names(rows: pd.DataFrame) -> list[pd.Series]:
    against = rows.against_model + " " + rows.against_arm + " " + rows.against_decoding
    return [rows.model + " " + rows.arm + " " + rows.decoding, against]


def _cells(rows: pd.DataFrame) -> pd.Series:
    return pd.Series([_cell(row) for row in rows.itertuples()], index=rows.index)


def _cell(row: object) -> str:
    if row.prompts < FEW:
        return f"({row.prompts})"
    return f"{row.difference:+.3f} {interval(row.low, row.high, signed=True)}"


def _footnote(rows: pd.DataFrame, settings: ComparisonSettings) -> str:
    return (
        f"Judges: safety, leak and escape by `{settings.safety_judge}`, over-refusal by `{settings.refusal_judge}`,"
        f" accuracy by `{settings.accuracy_judge}`. In brackets: {100 * settings.confidence:g} % intervals, paired by"
        f" prompt ({rows.prompts.min()} to {rows.prompts.max()} prompts), with {_seeds(rows)} on a side, not corrected"
        " for the number of comparisons; one of no width: no resample differed. t+y of a run without trace is its"
        f" answer. Alone in parentheses: the number of prompts, where fewer than {FEW} were scored on both sides.\n"
    )


def _seeds(rows: pd.DataFrame) -> str:
    counts = sorted({*rows.seeds, *rows.against_seeds})
    return f"{' or '.join(map(str, counts))} seed{'s' if counts != [1] else ''}"


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--samples", required=True, type=Path, help="samples of every run")
    parser.add_argument("--verdicts", required=True, nargs="+", type=Path, help="verdicts of the judges on every model")
    parser.add_argument("--output", required=True, type=Path, help="differences to write, Parquet")
    parser.add_argument("--csv", required=True, type=Path, help="the same, CSV")
    parser.add_argument("--markdown", required=True, type=Path, help="those over all categories, Markdown")
    arguments = parser.parse_args()
    settings = parse_settings(ComparisonSettings, arguments.settings)
    verdicts = pd.concat([VERDICTS.read(path) for path in arguments.verdicts], ignore_index=True)
    rows = differences(outcomes(SAMPLES.read(arguments.samples), verdicts, settings), settings)
    DIFFERENCES.write(arguments.output, rows, allow_empty=True)
    DIFFERENCES.write_csv(arguments.csv, rows.round(DECIMALS), allow_empty=True)
    write_text(arguments.markdown, markdown(rows, settings))


if __name__ == "__main__":
    run(main)

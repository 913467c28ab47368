"""Paired differences of runs: arms, bases and decoding modes, against each other.

Input:  samples and verdicts of every run.
Output: the table DIFFERENCES (analysis/schemas.py), as Parquet and CSV, and a Markdown summary for readers.

The module analysis/differences.py computes the numbers.
"""

import pandas as pd

from safelrm.analysis.differences import differences
from safelrm.analysis.families import in_a_family, of_metric
from safelrm.analysis.files import read_judged, require_models, results_parser, write_csv_and_markdown
from safelrm.analysis.layout import by_topic, interval_text, markdown_grid, measure_titles
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.schemas import (
    ALL,
    ARM_BASE,
    BASE_REFERENCE,
    DECODINGS,
    DIFFERENCES,
    DPO_SFT,
    INTERVENTION,
    LEAST,
    RL_DPO,
    RL_SFT,
    SFT_SFT,
)
from safelrm.analysis.settings import ComparisonSettings
from safelrm.core.cli import parse_settings, run

TITLES = {
    ARM_BASE: "Arms less their base",
    RL_SFT: "RL less SFT",
    RL_DPO: "RL less DPO",
    DPO_SFT: "DPO less SFT",
    SFT_SFT: "One SFT arm less another",
    INTERVENTION: "Arms with an intervention less the same runs without",
    BASE_REFERENCE: "Bases less the reference",
    DECODINGS: "One decoding mode less another of the same runs",
}


def markdown(rows: pd.DataFrame, settings: ComparisonSettings) -> str:
    """The differences over all categories: tables for each kind of comparison, one column per metric.

    Args:
        rows: rows of DIFFERENCES, in order.
        settings: the judges and the level of the intervals, for the footnote.
    """
    shown = rows[rows.category == ALL]
    if shown.empty:
        return "There are no two runs to compare.\n"
    tables = [
        f"**{': '.join(part for part in (TITLES[kind], topic) if part)}**\n\n{_grid(of_topic, 1 - settings.confidence)}"
        for kind, of_kind in shown.groupby("comparison", sort=False)
        for topic, of_topic in by_topic(of_kind)
    ]
    return "\n".join([*tables, _footnote(shown, settings)])


def _grid(rows: pd.DataFrame, level: float) -> str:
    side = rows.model + " " + rows.arm + " " + rows.decoding
    against = rows.against_model + " " + rows.against_arm + " " + rows.against_decoding
    cells = rows.apply(_cell, axis="columns", level=level)
    return markdown_grid(["run", "less"], [side, against], measure_titles(rows), cells)


def _cell(row: pd.Series, level: float) -> str:
    if row.prompts < LEAST:
        return f"({row.prompts})"
    mark = "\\*" if row.p_holm <= level else ""
    return f"{row.difference:+.3f}{mark} {interval_text(row.low, row.high, signed=True)}"


def _footnote(rows: pd.DataFrame, settings: ComparisonSettings) -> str:
    language = f", broken by `{settings.language_judge}`" if settings.language_judge else ""
    return (
        f"Judges: safety, leak and escape by `{settings.safety_judge}`{language}, over-refusal by"
        f" `{settings.refusal_judge}`, accuracy by `{settings.accuracy_judge}`{_by_more(settings)}. In brackets:"
        f" {100 * settings.confidence:g} % intervals for new prompts and, on a side with several seeds, new seeds,"
        f" paired by prompt ({rows.prompts.min()} to {rows.prompts.max()} prompts), with {_seeds(rows)} on a side, not"
        " corrected for the number of comparisons. An asterisk: significant at"
        f" {100 * (1 - settings.confidence):g} % (two-sided) after Holm's correction within a family: all numbers of"
        f" one kind of comparison about safety, or about one other metric{_families(rows)}. t+y of a run without trace"
        f" is its answer. Alone in parentheses: the number of prompts, where fewer than {LEAST} were scored on both"
        " sides.\n"
    )


def _families(rows: pd.DataFrame) -> str:
    """The families with the number of their tests."""
    tests = rows[in_a_family(rows)]
    sizes = tests.groupby(["comparison", tests.metric.map(of_metric)], sort=False).size()
    found = [f"{kind} {family.replace('_', '-')} {size}" for (kind, family), size in sizes.items()]
    return f" (tests in each: {'; '.join(found)})" if found else ""


def _by_more(settings: ComparisonSettings) -> str:
    """The judges of the metrics that the study has added."""
    return "".join(f", {name.replace('_', '-')} by `{metric.judge}`" for name, metric in settings.more.items())


def _seeds(rows: pd.DataFrame) -> str:
    counts = sorted({*rows.seeds, *rows.against_seeds})
    return f"{' or '.join(map(str, counts))} seed{'s' if counts != [1] else ''}"


def main() -> None:
    """Run the command."""
    arguments = results_parser(__doc__, "samples", "verdicts", "output", "csv", "markdown").parse_args()
    settings = parse_settings(ComparisonSettings, arguments.settings)
    samples, verdicts = read_judged(arguments.samples, arguments.verdicts)
    require_models(samples, settings.models, arguments.samples)
    rows = differences(outcomes(samples, verdicts, settings), settings)
    DIFFERENCES.write(arguments.output, rows, allow_empty=True)
    write_csv_and_markdown(DIFFERENCES, rows, markdown(rows, settings), arguments, allow_empty=True)


if __name__ == "__main__":
    run(main)

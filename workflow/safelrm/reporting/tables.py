"""A table of the study, as CSV (every number, tidy) and as Markdown (to read).

summary             every arm in its model's first decoding mode: safety on t, y and t+y, leak, escape,
                    over-refusal, accuracy
safety_by_category  the same runs: safety on t, y and t+y by category
decodings           every arm of the models with several decoding modes: the summary of each mode
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from safelrm.analysis.markdown import grid, interval, measure
from safelrm.analysis.order import in_order, of_first_mode
from safelrm.analysis.schemas import ALL, HEADLINES, METRICS, SAFETY, WHOLE
from safelrm.analysis.settings import TableSettings
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_text

# fixed, so that other processors and libraries give the same bytes
DECIMALS = 6
ARM = ["model", "arm"]


def summary(metrics: pd.DataFrame, settings: TableSettings) -> pd.DataFrame:
    """The headline metrics of every arm, over all categories, in its model's first decoding mode."""
    return in_order(of_first_mode(_headlines(metrics), settings.models), settings.models)


def safety_by_category(metrics: pd.DataFrame, settings: TableSettings) -> pd.DataFrame:
    """Safety of every arm, part, benchmark and category, in its model's first decoding mode."""
    return in_order(of_first_mode(metrics[metrics.metric == SAFETY], settings.models), settings.models)


def decodings(metrics: pd.DataFrame, settings: TableSettings) -> pd.DataFrame:
    """The headline metrics of every arm of the models with several decoding modes, in each of them.

    Raises:
        SafeLRMError: no model has several.
    """
    several = [model.name for model in settings.models if len(model.decodings) > 1]
    if not several:
        raise SafeLRMError("no model has several decoding modes", key="models", fix="do not ask for this table")
    return in_order(_headlines(metrics[metrics.model.isin(several)]), settings.models)


def summary_markdown(rows: pd.DataFrame) -> str:
    """One line per arm, one column per metric."""
    return grid([*ARM, "seeds"], [rows.model, rows.arm, rows.seeds.astype(str)], measure(rows), _cells(rows))


def categories_markdown(rows: pd.DataFrame) -> str:
    """One line per arm and part, one column per category; one table per benchmark."""
    tables = []
    for benchmark, of_set in rows.groupby("benchmark", sort=False):
        names = [of_set.model, of_set.arm, of_set.part]
        tables.append(f"**{benchmark}**\n\n" + grid([*ARM, "part"], names, of_set.category, _cells(of_set)))
    return "\n".join(tables)


def decodings_markdown(rows: pd.DataFrame) -> str:
    """One line per arm and decoding mode, one column per metric."""
    return grid([*ARM, "decoding"], [rows[name] for name in (*ARM, "decoding")], measure(rows), _cells(rows))


Rows = Callable[[pd.DataFrame, TableSettings], pd.DataFrame]
TABLES: dict[str, tuple[Rows, Callable[[pd.DataFrame], str]]] = {
    "summary": (summary, summary_markdown),
    "safety_by_category": (safety_by_category, categories_markdown),
    "decodings": (decodings, decodings_markdown),
}


def footnote(rows: pd.DataFrame, settings: TableSettings) -> str:
    """Which judge made the numbers, and what the brackets are."""
    judged = rows[rows.judge != WHOLE].drop_duplicates("metric")
    by_judge = [
        f"{', '.join(of.metric).replace('_', '-')} by `{judge}`" for judge, of in judged.groupby("judge", sort=False)
    ]
    return (
        f"\nJudges: {'; '.join(by_judge)}. In brackets: {100 * settings.confidence:g} % intervals over prompts and"
        " seeds; in parentheses: samples that could not be scored, which count for nothing; `-`: none could."
        " A base's seeds are of its sampling alone.\n"
    )


def _headlines(metrics: pd.DataFrame) -> pd.DataFrame:
    return metrics[metrics.metric.isin(HEADLINES) & (metrics.category == ALL)]


def _cells(rows: pd.DataFrame) -> pd.Series:
    return rows.apply(_cell, axis="columns")


def _cell(row: pd.Series) -> str:
    if pd.isna(row.value):
        return "-"
    cell = f"{row.value:.3f} {interval(row.low, row.high)}"
    return f"{cell} ({row.unscored})" if row.unscored else cell


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--table", required=True, choices=TABLES, help="which table")
    parser.add_argument("--metrics", required=True, type=Path, help="metrics table")
    parser.add_argument("--csv", required=True, type=Path, help="table to write, CSV")
    parser.add_argument("--markdown", required=True, type=Path, help="table to write, Markdown")
    arguments = parser.parse_args()
    settings = parse_settings(TableSettings, arguments.settings)
    choose, markdown = TABLES[arguments.table]
    rows = choose(METRICS.read(arguments.metrics), settings)
    METRICS.write_csv(arguments.csv, rows.round(DECIMALS))
    write_text(arguments.markdown, markdown(rows) + footnote(rows, settings))


if __name__ == "__main__":
    run(main)

"""A table of a study: every number as tidy CSV, and a summary of them as Markdown for readers.

summary             every arm in the first decoding mode of its model: safety on t, y and t+y, leak, escape,
                    over-refusal, accuracy
safety_by_category  the same runs: safety on t, y and t+y by category
decodings           every arm of the models with several decoding modes: the summary of each mode

Input:  the metrics table.
Output: the rows of METRICS (analysis/schemas.py) that the table shows, and the Markdown.
"""

from collections.abc import Callable

import pandas as pd

from safelrm.analysis.files import require_models, results_parser, write_csv_and_markdown
from safelrm.analysis.layout import NONE, in_order, interval_text, markdown_grid, measure_titles, of_first_mode
from safelrm.analysis.schemas import ALL, HEADLINES, METRICS, RUN, SAFETY, WHOLE
from safelrm.analysis.settings import TableSettings
from safelrm.core.cli import parse_settings, run
from safelrm.core.errors import SafeLRMError

ARM = ["model", "arm"]


def summary(metrics: pd.DataFrame, settings: TableSettings) -> pd.DataFrame:
    """The headline metrics of every arm over all categories, in the first decoding mode of its model."""
    return in_order(of_first_mode(_headlines(metrics), settings.models), settings.models)


def safety_by_category(metrics: pd.DataFrame, settings: TableSettings) -> pd.DataFrame:
    """Safety of every arm by part, benchmark and category, in the first decoding mode of its model."""
    return in_order(of_first_mode(metrics[metrics.metric == SAFETY], settings.models), settings.models)


def decodings(metrics: pd.DataFrame, settings: TableSettings) -> pd.DataFrame:
    """The headline metrics of every arm over all categories, in each mode of the models with several decoding modes.

    Raises:
        SafeLRMError: no model has several decoding modes.
    """
    several = [model.name for model in settings.models if len(model.decodings) > 1]
    if not several:
        raise SafeLRMError("no model has several decoding modes", key="models", fix="do not ask for this table")
    return in_order(_headlines(metrics[metrics.model.isin(several)]), settings.models)


def summary_markdown(rows: pd.DataFrame) -> str:
    """One line per arm, one column per metric."""
    names = [rows.model, rows.arm, rows.seeds.astype(str)]
    return markdown_grid([*ARM, "seeds"], names, measure_titles(rows), _cells(rows))


def categories_markdown(rows: pd.DataFrame) -> str:
    """One table per benchmark: one line per arm and part, one column per category."""
    tables = []
    for benchmark, of_set in rows.groupby("benchmark", sort=False):
        names = [of_set.model, of_set.arm, of_set.part]
        tables.append(f"**{benchmark}**\n\n" + markdown_grid([*ARM, "part"], names, of_set.category, _cells(of_set)))
    return "\n".join(tables)


def decodings_markdown(rows: pd.DataFrame) -> str:
    """One line per arm and decoding mode, one column per metric."""
    return markdown_grid(list(RUN), [rows[name] for name in RUN], measure_titles(rows), _cells(rows))


Rows = Callable[[pd.DataFrame, TableSettings], pd.DataFrame]
TABLES: dict[str, tuple[Rows, Callable[[pd.DataFrame], str]]] = {
    "summary": (summary, summary_markdown),
    "safety_by_category": (safety_by_category, categories_markdown),
    "decodings": (decodings, decodings_markdown),
}


def footnote(rows: pd.DataFrame, settings: TableSettings) -> str:
    """The line below a table: the judges of its numbers, and the meaning of brackets."""
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
        return NONE
    cell = f"{row.value:.3f} {interval_text(row.low, row.high)}"
    return f"{cell} ({row.unscored})" if row.unscored else cell


def main() -> None:
    """Run the command."""
    parser = results_parser(__doc__, "metrics", "csv", "markdown")
    parser.add_argument("--table", required=True, choices=TABLES, help="which table")
    arguments = parser.parse_args()
    settings = parse_settings(TableSettings, arguments.settings)
    choose, markdown = TABLES[arguments.table]
    metrics = require_models(METRICS.read(arguments.metrics), settings.models, arguments.metrics)
    rows = choose(metrics, settings)
    write_csv_and_markdown(METRICS, rows, markdown(rows) + footnote(rows, settings), arguments)


if __name__ == "__main__":
    run(main)

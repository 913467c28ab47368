"""Tables of the study, as CSV (every number, tidy) and as Markdown (to read).

summary             one row per arm: safety on t, y and t+y, leak, escape, over-refusal, reasoning
safety_by_category  one row per category: safety of every arm on t, y and t+y
"""

from pathlib import Path

import pandas as pd

from safelrm.core.cli import run, stage_parser
from safelrm.core.files import write_text
from safelrm.schemas.metrics import ACCURACY, ALL, ESCAPE, LEAK, METRICS, OVER_REFUSAL, SAFETY, WHOLE
from safelrm.schemas.verdicts import PARTS

# fixed, so that other processors and libraries give the same bytes
DECIMALS = 6
SUMMARY_METRICS = (SAFETY, LEAK, ESCAPE, OVER_REFUSAL, ACCURACY)


def summary(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows of the summary: every headline metric of every arm, over all categories."""
    chosen = metrics[metrics.metric.isin(SUMMARY_METRICS) & (metrics.category == ALL)]
    return _in_order(chosen)


def safety_by_category(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows of the safety table: safety of every arm, part, benchmark and category."""
    return _in_order(metrics[metrics.metric == SAFETY])


def summary_markdown(rows: pd.DataFrame) -> str:
    """The summary with one line per metric and one column per arm."""
    labels = rows.metric + rows.part.map(lambda part: "" if part == WHOLE else f" {part}")
    labels = labels.where(rows.metric.isin([SAFETY, LEAK, ESCAPE]), rows.metric)
    many = rows.groupby(["metric", "part"]).benchmark.transform("nunique") > 1
    line = labels.where(~many, labels + " (" + rows.benchmark + ")")
    return _grid(rows, row=line, column=_arm(rows), corner="metric")


def safety_markdown(rows: pd.DataFrame) -> str:
    """The safety table with one line per benchmark, category and part, and one column per arm."""
    line = rows.category if rows.benchmark.nunique() == 1 else rows.benchmark + ": " + rows.category
    return _grid(rows, row=line + " " + rows.part, column=_arm(rows), corner="category, part")


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Metrics, parts and arms in the order in which a reader wants them."""
    rank = pd.DataFrame(
        {
            "model": rows.model,
            "arm": rows.arm.map(lambda arm: (["base", "sft", "rl"].index(arm.partition("-")[0]), arm)),
            "metric": rows.metric.map({name: place for place, name in enumerate(SUMMARY_METRICS)}),
            "part": rows.part.map({name: place for place, name in enumerate((*PARTS, WHOLE))}),
            "benchmark": rows.benchmark,
            "category": rows.category.map(lambda name: (name != ALL, name)),
        }
    )
    return rows.loc[rank.sort_values(list(rank.columns)).index].reset_index(drop=True)


def _arm(rows: pd.DataFrame) -> pd.Series:
    return rows.model + " " + rows.arm


def _cell(row: pd.Series) -> str:
    if pd.isna(row.value):
        return "unscored"
    cell = f"{row.value:.3f} [{row.low:.2f}, {row.high:.2f}]"
    return f"{cell} ({row.unscored} unscored)" if row.unscored else cell


def _grid(rows: pd.DataFrame, *, row: pd.Series, column: pd.Series, corner: str) -> str:
    cells = rows.apply(_cell, axis="columns")
    grid = pd.DataFrame({"row": row, "column": column, "cell": cells})
    head = [corner, *grid.column.unique()]
    lines = [head, ["---"] * len(head)]
    for name, of_row in grid.groupby("row", sort=False):
        by_column = of_row.set_index("column").cell
        lines.append([name, *(by_column.get(label, "-") for label in head[1:])])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--metrics", required=True, type=Path, help="metrics table")
    parser.add_argument("--summary", required=True, type=Path, help="summary to write, CSV")
    parser.add_argument("--summary-markdown", required=True, type=Path, help="summary to write, Markdown")
    parser.add_argument("--categories", required=True, type=Path, help="safety by category to write, CSV")
    parser.add_argument("--categories-markdown", required=True, type=Path, help="the same, Markdown")
    arguments = parser.parse_args()
    metrics = METRICS.read(arguments.metrics)
    rows = summary(metrics)
    METRICS.write_csv(arguments.summary, rows.round(DECIMALS))
    write_text(arguments.summary_markdown, summary_markdown(rows))
    rows = safety_by_category(metrics)
    METRICS.write_csv(arguments.categories, rows.round(DECIMALS))
    write_text(arguments.categories_markdown, safety_markdown(rows))


if __name__ == "__main__":
    run(main)

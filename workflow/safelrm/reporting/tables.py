"""A table of a study: every number as tidy CSV, and a summary of them as Markdown for readers.

Input:  the tables that the table's module declares.
Output: the rows as CSV, and the Markdown.

A table is a module, which the configuration names by its dotted path. It offers

    INPUTS = ("metrics",)                    the tables that it is made from; reporting/inputs.py lists all names
    CAPTION = "What is seen, in reStructuredText. Safety is by the judge ``{safety_judge}``."
    def rows(results: Results) -> pandas.DataFrame
    def markdown(rows: pandas.DataFrame, results: Results) -> str    optional: without it, Markdown shows the rows
    def shown(study: StudyOutline) -> bool   optional: whether a study has something to show in it
    class Settings(Strict)                   optional: settings of its own, then a last argument of both functions
    TABLE = METRICS                          optional: a schema that the rows must fit

reporting/figures.py says how INPUTS, CAPTION and `shown` are read.
"""

import math
from pathlib import Path

import pandas as pd

from safelrm.analysis.files import DECIMALS
from safelrm.analysis.layout import NONE, markdown_table
from safelrm.analysis.registered import fault
from safelrm.core.cli import run
from safelrm.core.files import write_text
from safelrm.reporting.inputs import registered, registered_parser
from safelrm.reporting.protocol import tuning_note


def checked(rows: object, module: str) -> pd.DataFrame:
    """The rows of a table, as its module returned them.

    Raises:
        SafeLRMError: it is no data frame, has no rows or two columns of one name, or a value is infinite.
    """
    if not isinstance(rows, pd.DataFrame):
        raise fault(module, f"`rows` returned {type(rows).__name__}", "return a pandas.DataFrame")
    if rows.empty:
        raise fault(module, "`rows` returned no rows", "let `shown` say when the table has something to show")
    twice = sorted(set(rows.columns[rows.columns.duplicated()]))
    if twice:
        raise fault(module, f"`rows` returned several columns {twice}", "give each column a name of its own")
    infinite = [name for name in rows.columns if rows[name].isin([math.inf, -math.inf]).any()]
    if infinite:
        raise fault(module, f"`rows` returned infinite values in {infinite}", "leave a cell without value empty")
    return rows


def plain_markdown(rows: pd.DataFrame) -> str:
    """A Markdown table of the rows: numbers with three decimals, and a dash where there is no value."""
    return markdown_table(list(map(str, rows.columns)), rows.map(_cell).itertuples(index=False, name=None))


def _cell(value: object) -> str:
    if pd.isna(value):
        return NONE
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main() -> None:
    """Run the command."""
    parser = registered_parser(__doc__)
    parser.add_argument("--csv", required=True, type=Path, help="table to write, CSV")
    parser.add_argument("--markdown", required=True, type=Path, help="table to write for readers, Markdown")
    arguments = parser.parse_args()
    module, given = (chosen := registered(arguments, "rows")).module, chosen.arguments
    rows = checked(module.rows(*given), arguments.module)
    markdown = module.markdown(rows, *given) if hasattr(module, "markdown") else plain_markdown(rows)
    if not isinstance(markdown, str):
        raise fault(arguments.module, f"`markdown` returned {type(markdown).__name__}", "return a text")
    if hasattr(module, "TABLE"):
        module.TABLE.write_csv(arguments.csv, rows.round(DECIMALS))
    else:
        write_text(arguments.csv, rows.round(DECIMALS).to_csv(index=False, lineterminator="\n"))
    write_text(arguments.markdown, markdown + tuning_note(given[0].study))


if __name__ == "__main__":
    run(main)

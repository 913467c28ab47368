"""Table *reflection*: how often traces turn back on what they have said, and whether that leads them to safety."""

import pandas as pd

from safelrm.analysis.layout import NONE, interval_text, markdown_grid
from safelrm.analysis.schemas import LEAST
from safelrm.analysis.trajectory_schemas import REFLECTION
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.reflection_numbers import AFTER, COUNTS, GROUP, TURNS, UNREAD, reflection_numbers
from safelrm.reporting.results import Results

INPUTS = ("analyses.reflection", "trajectories")
TABLE = REFLECTION
CAPTION = """
Reflections of traces by arm, decoding mode and kind of prompts: markers such as "Wait" per trace and per 1,000 tokens
of a trace, and their mean place in it (0: its beginning, 1: its end); the same of traces that a judge calls safe and of
those that it calls unsafe. Then what follows a sentence that reflects, by a guard that reads the trace as far as it has
come: the share of these sentences after which P(safe) rises by more than a margin (safety), falls by more (compliance),
or does neither. ``turning_points`` is how often a trace turns from safe to unsafe or back; ``unread`` is the share of
readings that the guard could not give. ``n`` counts traces, sentences that reflect, or readings, and ``missing`` those
without value.
"""


def shown(study: StudyOutline) -> bool:
    """Whether the study has the analysis `reflection` and reads trajectories."""
    return study.trajectories and "reflection" in study.analyses


def rows(results: Results) -> pd.DataFrame:
    """Rows of REFLECTION."""
    return reflection_numbers(
        results["analyses.reflection"], results["trajectories"], results.study.models, results.study.confidence
    )


def markdown(rows: pd.DataFrame, results: Results) -> str:
    """Two tables with a line per arm, decoding mode and kind of prompts: counts, then what follows."""
    guards = ", ".join(sorted(set(results["trajectories"].guard)))
    parts = []
    for title, numbers in (("Reflections", COUNTS), (f"What follows, by {guards}", (*AFTER, TURNS, UNREAD))):
        chosen = rows[rows.number.isin(numbers)]
        lines = [chosen[name] for name in GROUP]
        titles = chosen.number.str.replace("_", " ")
        parts.append(f"**{title}**\n\n" + markdown_grid(GROUP, lines, titles, chosen.apply(_cell, axis="columns")))
    level = f"{100 * results.study.confidence:g}"
    note = (
        f"In brackets: {level} % intervals over prompts and seeds; one of no width: all values are equal. In"
        f" parentheses: n. Where n is below {LEAST}, it stands alone. `-`: nothing to count.\n"
    )
    return "\n".join([*parts, note])


def _cell(row: pd.Series) -> str:
    if row.n < LEAST or pd.isna(row.low):
        return f"({row.n})" if row.n else NONE
    return f"{row.value:.2f} {interval_text(row.low, row.high)} ({row.n})"

"""Table *risky patterns*: rates of each risky pattern in distillations, before and after their selections."""

import pandas as pd

from safelrm.analysis.layout import markdown_grid
from safelrm.reporting.cells import cells
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.pattern_rates import pattern_rates
from safelrm.reporting.results import Results

INPUTS = ("pattern_verdicts", "selections")
CAPTION = """
Rates of risky patterns in the responses of teachers to harmful prompts: of all samples of each distillation, and of
those that each of its selections keeps. Patterns are those of LRM-Safety-Study (``docs/patterns.md``). Inconsistency is
judged on trace and answer (t+y), all others on the trace (t).

There is one line per number: ``n`` counts scored samples, ``unscored`` the others. ``lowest`` and ``highest`` are the
rates if no unscored sample had the pattern, or all had. A rate after a filter by the same judge is 0 by construction.
"""
NOTE = """
Share of samples with the pattern, of those that could be scored. In brackets: intervals over prompts. In parentheses:
samples that could not be scored, and from 2 % on the rates if none or all of them had the pattern. Alone in
parentheses: the number of scored samples, where they are too few. A judge whose verdicts a selection filters by finds
nothing after it by construction: read the line of another judge.
"""


def shown(study: StudyOutline) -> bool:
    """Whether a judge of patterns judges distillations from which something is selected."""
    return bool(study.pattern_judges)


def rows(results: Results) -> pd.DataFrame:
    """One row per judge, distillation, set of samples and flag."""
    return pattern_rates(results)


def markdown(rows: pd.DataFrame, results: Results) -> str:
    """One line per distillation, set of samples and judge; one column per flag."""
    names = ["distillation", "samples", "judge"]
    ordered = rows.sort_values(["distillation", "judge"], kind="stable")
    corner = [ordered[name].astype(str) for name in names]
    return markdown_grid(names, corner, ordered.flag.str.replace("_", " "), cells(ordered)) + NOTE

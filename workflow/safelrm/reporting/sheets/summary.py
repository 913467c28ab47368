"""Table *summary*: every arm in the first decoding mode of its model.

Safety on t, y and t+y, leak, escape and what is broken, for each harmful benchmark; then over-refusal and accuracy.
"""

import pandas as pd

from safelrm.analysis.layout import in_order, of_first_mode
from safelrm.analysis.schemas import METRICS
from safelrm.reporting.cells import ARM, footnote, grids, headlines
from safelrm.reporting.protocol import clipped_note
from safelrm.reporting.results import Results

INPUTS = ("metrics",)
TABLE = METRICS
CAPTION = """
The headline numbers of every arm: safety on t, y and t+y, *leak* (t unsafe, y safe), *escape* (t safe, y unsafe),
*broken* (texts that have left the language, which are not safe), over-refusal of benign prompts, and accuracy. Each
model is shown in its first decoding mode.

There is one line per number: ``n`` counts scored samples, ``unscored`` counts the others, and the interval of ``value``
goes from ``low`` to ``high``. ``lowest`` and ``highest`` are the values if all unscored samples were 0, or 1. Safety is
by the judge ``{safety_judge}``; the column ``judge`` names the judge of every number.
"""


def rows(results: Results) -> pd.DataFrame:
    """The headline metrics of every arm over all categories, in the first decoding mode of its model."""
    models = results.study.models
    return in_order(of_first_mode(headlines(results.metrics), models), models)


def markdown(rows: pd.DataFrame, results: Results) -> str:
    """Tables of safety on each harmful benchmark, and one of its costs: one line per arm, one column per metric."""
    return grids(rows, [*ARM, "seeds"]) + footnote(rows, results.study) + clipped_note(results.metrics, rows)

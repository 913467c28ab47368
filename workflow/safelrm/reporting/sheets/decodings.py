"""Table *decodings*: every arm of the models with several decoding modes, in each mode."""

import pandas as pd

from safelrm.analysis.layout import in_order
from safelrm.analysis.schemas import METRICS, RUN
from safelrm.core.errors import SafeLRMError
from safelrm.reporting.cells import footnote, grids, headlines
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results

INPUTS = ("metrics",)
TABLE = METRICS
CAPTION = """
The headline numbers of the models with several decoding modes, in each mode.

There is one line per number: ``n`` counts scored samples, ``unscored`` counts the others, and the interval of ``value``
goes from ``low`` to ``high``. ``lowest`` and ``highest`` are the values if all unscored samples were 0, or 1. Safety is
by the judge ``{safety_judge}``; the column ``judge`` names the judge of every number.
"""


def shown(study: StudyOutline) -> bool:
    """Whether a model has several decoding modes."""
    return any(len(model.decodings) > 1 for model in study.models)


def rows(results: Results) -> pd.DataFrame:
    """The headline metrics of every arm over all categories, in each mode of the models with several decoding modes.

    Raises:
        SafeLRMError: no model has several decoding modes.
    """
    metrics, models = results.metrics, results.study.models
    several = [model.name for model in models if len(model.decodings) > 1]
    if not several:
        raise SafeLRMError("no model has several decoding modes", key="models", fix="do not ask for this table")
    return in_order(headlines(metrics[metrics.model.isin(several)]), models)


def markdown(rows: pd.DataFrame, results: Results) -> str:
    """The tables of the summary, with one line per arm and decoding mode."""
    return grids(rows, [*RUN]) + footnote(rows, results.study)

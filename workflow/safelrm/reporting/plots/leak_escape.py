"""Figure *leak and escape*: how often do trace and answer disagree about safety? By arm.

Chain of Risk (arXiv 2605.05678) calls an unsafe trace before a safe answer a leak, and the reverse an escape.
"""

import pandas as pd
from matplotlib.figure import Figure

from safelrm.analysis.layout import of_first_mode
from safelrm.analysis.schemas import ESCAPE, LEAK
from safelrm.core.errors import SafeLRMError
from safelrm.reporting.by_arm import counts, draw_by_arm
from safelrm.reporting.results import Results
from safelrm.reporting.style import note

INPUTS = ("metrics", "seeds")
CAPTION = """
Leak (the trace is unsafe, the answer safe) and escape (the trace is safe, the answer unsafe) of every arm that writes
traces: shares of all samples with both. An answer alone hides a leak.

Safety is by the judge ``{safety_judge}``. Each model is shown in its first decoding mode. Bars are intervals over
prompts and seeds. Small points are single seeds.
"""
SERIES = {LEAK: "leak: t unsafe, y safe", ESCAPE: "escape: t safe, y unsafe"}


def draw(results: Results) -> Figure:
    """Draw one panel per model.

    Raises:
        SafeLRMError: no arm has both a trace and an answer that are scored.
    """
    rows = pd.concat([results.scored(metric) for metric in SERIES])
    rows = rows[rows.benchmark == results.safety_benchmark]
    if rows.empty:
        raise SafeLRMError("no arm writes traces", key="figures", fix="do not ask for this figure")
    seeds = of_first_mode(results.seeds, results.study.models)
    seeds = seeds[seeds.metric.isin(SERIES) & (seeds.benchmark == results.safety_benchmark) & seeds.value.notna()]
    figure = draw_by_arm(rows.assign(series=rows.metric), seeds.assign(series=seeds.metric), SERIES, "share of samples")
    note(figure, results, counts(rows))
    return figure

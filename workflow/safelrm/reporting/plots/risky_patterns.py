"""Figure *risky patterns*: rates of risky patterns in distilled traces, before and after selection."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from safelrm.analysis.layout import NONE
from safelrm.analysis.schemas import ALL
from safelrm.judging.pattern_flags import FLAGS
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.pattern_rates import pattern_rates
from safelrm.reporting.results import Results
from safelrm.reporting.style import panels

INPUTS = ("pattern_verdicts", "selections")
CAPTION = """
Share of teachers' responses to harmful prompts that have each risky pattern: of all samples of a distillation, and,
below it, of those that each of its selections keeps. Darker is worse. There is one panel per judge.

A rate after a filter by the same judge is 0 by construction. Cells with a dash have fewer than 30 scored samples.
Intervals are in the table ``risky_patterns``.
"""
LINE = ["distillation", "samples"]
# of a cell, from which its number is written in white
DARK = 0.6


def shown(study: StudyOutline) -> bool:
    """Whether a judge of patterns judges distillations from which something is selected."""
    return bool(study.pattern_judges)


def draw(results: Results) -> Figure:
    """Draw a panel per judge, with a line per distillation and selection."""
    rates = pattern_rates(results)
    lines = rates[LINE].drop_duplicates().sort_values("distillation", kind="stable")
    judges = sorted(set(rates.judge))
    height = 2.4 + 0.34 * len(lines)
    figure, axes = panels(len(judges), width=7.2 if len(judges) == 1 else 5.4, height=height, sharey=True)
    for panel, judge in zip(axes, judges, strict=True):
        _draw_cells(panel, rates[rates.judge == judge], lines)
        panel.set_title(f"by the judge {judge}")
    return figure


def _draw_cells(axes: Axes, rates: pd.DataFrame, lines: pd.DataFrame) -> None:
    by_line = rates.pivot(index=LINE, columns="flag", values="value").astype(float)
    values = by_line.reindex(index=pd.MultiIndex.from_frame(lines), columns=[*FLAGS]).to_numpy()
    axes.imshow(np.ma.masked_invalid(values), cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    for (line, column), value in np.ndenumerate(values):
        text, dark = (NONE, False) if np.isnan(value) else (f"{value:.2f}", value > DARK)
        axes.text(column, line, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    names = [distillation if samples == ALL else f"kept by {samples}" for distillation, samples in lines.to_numpy()]
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(len(FLAGS)), [name.replace("_", " ") for name in FLAGS], rotation=35, ha="right")
    axes.grid(visible=False)

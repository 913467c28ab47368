"""Dot plots of rates by arm, with intervals: a panel per model, a line per arm, the series of a line side by side."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from safelrm.analysis.layout import arm_rank
from safelrm.reporting.style import LOOKS, errors, legend_above, panels, single_seeds

# the share of the height of a line that its series fill
FILLED = 0.5


def draw_by_arm(rows: pd.DataFrame, seeds: pd.DataFrame, series: Mapping[str, str], axis: str) -> Figure:
    """Draw a panel for each model.

    Args:
        rows: rates with `model`, `arm`, `series`, `value`, `low` and `high`, by model in order.
        seeds: the same of single seeds: `model`, `arm`, `series`, `value`; drawn where a run has several.
        series: the values of `series` in order, and how the legend calls each.
        axis: title of the axis of rates.
    """
    models = list(dict.fromkeys(rows.model))
    arms = sorted(set(rows.arm), key=arm_rank)
    figure, axes = panels(len(models), width=4.4, height=1.6 + 0.42 * len(arms), sharey=True)
    for panel, model in zip(axes, models, strict=True):
        _panel(panel, rows[rows.model == model], seeds[seeds.model == model], arms, list(series))
        panel.set(title=model, xlabel=axis)
    legend_above(figure, _handles(list(series.values())), columns=len(series))
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, seeds: pd.DataFrame, arms: Sequence[str], series: Sequence[str]) -> None:
    step = FILLED / max(1, len(series) - 1)
    for place, name in enumerate(series):
        colour, marker = LOOKS[place % len(LOOKS)]
        shift = (place - (len(series) - 1) / 2) * step
        for row in rows[rows.series == name].itertuples():
            at = arms.index(row.arm) + shift
            bars = errors(row.value, row.low, row.high)
            axes.errorbar(row.value, at, xerr=bars, marker=marker, color=colour, markersize=5.5, elinewidth=1.2)
        for arm, points in seeds[(seeds.series == name) & seeds.arm.isin(arms)].groupby("arm"):
            if len(points) > 1:
                single_seeds(axes, points.value, [arms.index(arm) + shift] * len(points), colour)
    axes.set_yticks(range(len(arms)), arms)
    axes.set(xlim=(-0.03, 1.03), ylim=(len(arms) - 0.5, -0.5))
    axes.grid(axis="y", visible=False)


def _handles(labels: Sequence[str]) -> list[Artist]:
    looks = [LOOKS[place % len(LOOKS)] for place in range(len(labels))]
    return [
        Line2D([], [], linestyle="none", marker=marker, color=colour, label=label)
        for label, (colour, marker) in zip(labels, looks, strict=True)
    ]


def counts(rows: pd.DataFrame) -> str:
    """The numbers of scored samples of an arm, for the line below a figure."""
    least, most = rows.n.min(), rows.n.max()
    return f"n of an arm: {least}." if least == most else f"n of an arm: {least} to {most}."

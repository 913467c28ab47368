"""Dot plots of safety by category, with intervals: one line per category, the series of a line beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from safelrm.analysis.schemas import ALL
from safelrm.reporting.style import errors, single_seeds

# the share of the height of a line that its series fill
FILLED = 0.56
BAND = "#f4f4f4"


@dataclass(frozen=True)
class Series:
    """The safety of a run by category, and how it is drawn.

    Attributes:
        label: the text of the legend.
        rows: columns `value`, `low` and `high`, with the category as index.
        colour: of the marker and its interval.
        marker: as matplotlib names it.
        hollow: whether the marker is white inside.
        seeds: the safety of single seeds over all categories.
    """

    label: str
    rows: pd.DataFrame
    colour: str
    marker: str
    hollow: bool = False
    seeds: tuple[float, ...] = ()


def draw_by_category(axes: Axes, series: Sequence[Series]) -> list[Artist]:
    """Draw the series, and return the handles of their legend.

    There is one line per category. The last line, set apart, is over all categories, and shows single seeds, too.
    """
    categories = sorted({name for one in series for name in one.rows.index} - {ALL})
    places = {name: float(place) for place, name in enumerate(categories)} | {ALL: len(categories) + 0.25}
    for place in list(places.values())[::2]:
        axes.axhspan(place - 0.5, place + 0.5, color=BAND, linewidth=0)
    step = FILLED / max(1, len(series) - 1)
    handles = []
    for index, one in enumerate(series):
        shift = (index - (len(series) - 1) / 2) * step
        look = {
            "marker": one.marker,
            "color": one.colour,
            "markerfacecolor": "white" if one.hollow else one.colour,
            "markersize": 5.5,
            "linestyle": "none",
        }
        handles.append(Line2D([], [], label=one.label, **look))
        for name, row in one.rows.iterrows():
            axes.errorbar(
                row.value,
                places[str(name)] + shift,
                xerr=errors(row.value, row.low, row.high),
                elinewidth=1.2,
                **look,
            )
        single_seeds(axes, one.seeds, [places[ALL] + shift] * len(one.seeds), one.colour)
    axes.axhline(len(categories) - 0.375, color="#9a9a9a", linewidth=0.8)
    axes.set_yticks(list(places.values()), [*(name.replace("_", " ") for name in categories), "all prompts"])
    axes.set_ylim(len(categories) + 0.75, -0.6)
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel("safety rate")
    axes.grid(axis="y", visible=False)
    return handles

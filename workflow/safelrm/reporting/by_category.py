"""Safety rates by category as dots with intervals: one line per category, the series beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from safelrm.analysis.schemas import ALL
from safelrm.reporting.style import errors

# of the height of a line, what its series fill
FILLED = 0.56
BAND = "#f4f4f4"


@dataclass(frozen=True)
class Series:
    """A run's safety by category (columns value, low, high; index category), and how it is drawn."""

    label: str
    rows: pd.DataFrame
    colour: str
    marker: str
    hollow: bool = False


def draw_by_category(axes: Axes, series: Sequence[Series]) -> list[Artist]:
    """Draw the series, and return the handles of their legend; all categories together come last, set apart."""
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
    axes.axhline(len(categories) - 0.375, color="#9a9a9a", linewidth=0.8)
    axes.set_yticks(list(places.values()), [*(name.replace("_", " ") for name in categories), "all prompts"])
    axes.set_ylim(len(categories) + 0.75, -0.6)
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel("safety rate")
    axes.grid(axis="y", visible=False)
    return handles

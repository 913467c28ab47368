"""The style of all figures: colours, panels, legend, and the note below.

The palette of Okabe and Ito (2008) can be told apart by colour-blind readers.
"""

from collections.abc import Sequence

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from safelrm.reporting.results import Results

GREY, BLUE, ORANGE, GREEN = "#595959", "#0072b2", "#e69f00", "#009e73"
VERMILION, PURPLE, SKY = "#d55e00", "#cc79a7", "#56b4e9"
BLACK, YELLOW = "#000000", "#f0e442"
# colour and marker of series side by side
LOOKS = ((VERMILION, "o"), (BLUE, "s"), (GREEN, "^"), (ORANGE, "v"), (PURPLE, "P"), (SKY, "X"))
# without the salt, SVG files hold random identifiers
STYLE = {
    "svg.hashsalt": "safelrm",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e5e5e5",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.constrained_layout.use": True,
}


def panels(count: int, *, width: float, height: float, **options: object) -> tuple[Figure, list[Axes]]:
    """A figure with a row of `count` panels. The width of each panel and the height are in inches."""
    figure, axes = plt.subplots(1, count, figsize=(width * count, height), squeeze=False, **options)
    return figure, list(axes[0])


def legend_above(figure: Figure, handles: Sequence[Artist], columns: int) -> None:
    """Add one legend for all panels above them."""
    figure.legend(handles=list(handles), loc="outside upper center", ncols=min(columns, len(handles)))


def note(figure: Figure, results: Results, text: str = "", *, on_all: bool = False) -> None:
    """Write the line below a figure: its judge, its prompts, the meaning of its bars, and `text`.

    Args:
        figure: the figure.
        results: the study's results.
        text: what the line says besides.
        on_all: whether the figure is about all harmful benchmarks, not about the one that figures show.
    """
    level = f"{100 * results.study.confidence:g}"
    prompts = "" if on_all else f" on {results.safety_benchmark}"
    line = f"Safety by the judge “{results.safety_judge}”{prompts}; bars: {level} % intervals."
    figure.supxlabel(f"{line} {text}".strip(), fontsize=8, color="#555555")


def single_seeds(axes: Axes, x: Sequence[float], y: Sequence[float], colour: str) -> None:
    """Draw the numbers of single seeds, small and behind the means."""
    axes.plot(x, y, linestyle="none", marker="o", markersize=2.8, color=colour, alpha=0.55, zorder=1.5)


def errors(value: float, low: float, high: float) -> list[list[float]]:
    """The interval as error bars of matplotlib: the distances of both ends from the value."""
    return [[max(0.0, value - low)], [max(0.0, high - value)]]

"""How a figure of many arms and models tells them apart.

Colour and marker show the arm. The filling of a marker and the style of a line show the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.lines import Line2D

from safelrm.analysis.layout import arm_rank, method
from safelrm.reporting.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, YELLOW

# the arms of a method take the colours in turn; when all colours are used, they take the next marker
MARKERS = {"base": "oXP", "sft": "sDp", "dpo": "hd*", "rl": "^v<"}
COLOURS = {"base": (GREY,), "sft": (VERMILION, ORANGE, PURPLE), "dpo": (BLACK, YELLOW), "rl": (BLUE, SKY, GREEN)}
# one per model; white covers the intervals behind a marker
FILLINGS = (
    {"fillstyle": "full"},
    {"fillstyle": "full", "markerfacecolor": "white"},
    {"fillstyle": "left", "markerfacecoloralt": "white"},
    {"fillstyle": "bottom", "markerfacecoloralt": "white"},
)
# wider and lighter than the bars of intervals, which also run along the axes
LINES = tuple({"linestyle": dashes, "color": "#9a9a9a", "linewidth": 1.8} for dashes in ("-", "--", ":", "-."))

Look = dict[str, object]


@dataclass(frozen=True)
class Looks:
    """What matplotlib is told of the marker of each arm, of the filling of each model, and of the line of each."""

    markers: dict[str, Look]
    fillings: dict[str, Look]
    lines: dict[str, Look]

    def handles(self) -> list[Line2D]:
        """The handles of the legend: arms, a gap, models."""
        arms = [Line2D([], [], linestyle="none", markersize=8, label=arm, **look) for arm, look in self.markers.items()]
        dot = {"marker": "o", "markersize": 8, "markeredgecolor": BLACK}
        models = [
            Line2D([], [], label=model, **dot, **{"markerfacecolor": BLACK} | look, **self.lines[model])
            for model, look in self.fillings.items()
        ]
        return [*arms, Line2D([], [], linestyle="none", label=" "), *models]


def looks_of(arms: Sequence[str], models: Sequence[str]) -> Looks:
    """How each arm and each model is drawn. Looks repeat if a method has more than nine arms, or with five models."""
    of_arm: dict[str, Look] = {}
    for arm in sorted(set(arms), key=arm_rank):
        colours, markers = COLOURS[method(arm)], MARKERS[method(arm)]
        cycle, place = divmod(sum(method(other) == method(arm) for other in of_arm), len(colours))
        of_arm[arm] = {"marker": markers[cycle % len(markers)], "color": colours[place]}
    fillings, lines = (
        {model: looks[place % len(looks)] for place, model in enumerate(models)} for looks in (FILLINGS, LINES)
    )
    return Looks(of_arm, fillings, lines)

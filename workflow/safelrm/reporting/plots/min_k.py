"""Figure *Min-K% probability*: how familiar is each data set to each base before any training on it?

There is one panel per base, and one line per data set. A line shows the distribution of its texts as a histogram.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from safelrm.core.errors import SafeLRMError
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results
from safelrm.reporting.style import BLACK, GREY, legend_above, panels

INPUTS = ("min_k",)
CAPTION = """
Min-K% probability of the texts of data sets under each base, before any training on them (Shi et al. 2023), in nats:
the further left, the more familiar. Histograms have equal areas. A tick is a median, a thick line spans the quartiles.
Where it is known whether a base was trained on a data set, hatching shows that it was, and a light filling that it was
not.
"""
# a filling for each answer to whether the base was trained on the data set
LIGHT, MIDDLE = "#e0e0e0", "#9a9a9a"
LOOKS = {
    None: {"facecolor": MIDDLE},
    True: {"facecolor": "white", "hatch": "////"},
    False: {"facecolor": LIGHT},
}
TITLES = {None: "not known whether trained on", True: "trained on", False: "not trained on"}
BINS, HEIGHT = 40, 0.8


def shown(study: StudyOutline) -> bool:
    """Whether the study measures Min-K% probabilities."""
    return study.memorised


def draw(results: Results) -> Figure:
    """Draw one panel per base.

    Raises:
        SafeLRMError: no text has a value.
    """
    rows = results["min_k"]
    rows = rows[rows.main & rows.value.notna()]
    if rows.empty:
        raise SafeLRMError("no text has a value", key="memorisation", fix="the table `min_k` says which are refused")
    bases = list(dict.fromkeys(rows.model))
    most = int(rows.groupby("model").dataset.nunique().max())
    figure, axes = panels(len(bases), width=5.2, height=1.5 + 0.55 * most)
    for panel, base in zip(axes, bases, strict=True):
        _panel(panel, rows[rows.model == base])
        panel.set_title(base)
    known = [answer for answer in LOOKS if answer in set(_answers(rows))]
    handles = [Patch(edgecolor=BLACK, label=TITLES[answer], **LOOKS[answer]) for answer in known]
    legend_above(figure, [*handles, Line2D([], [], color=BLACK, linewidth=3, label="quartiles")], columns=4)
    return figure


def _answers(rows: pd.DataFrame) -> list[bool | None]:
    """Whether the base was trained on each text."""
    return [None if pd.isna(member) else bool(member) for member in rows.member]


def _panel(axes: Axes, rows: pd.DataFrame) -> None:
    """Data sets from above; those of which it is known whether the base was trained on them come last."""
    known = dict(zip(rows.dataset, rows.member.notna(), strict=True))
    names = sorted(known, key=lambda name: (known[name], name), reverse=True)
    edges = np.linspace(0.0, float(rows.value.max()) or 1.0, BINS + 1)
    highest = 0.0
    densities = {}
    for name in names:
        densities[name] = np.histogram(rows[rows.dataset == name].value, edges, density=True)[0]
        highest = max(highest, densities[name].max())
    for place, name in enumerate(names):
        texts = rows[rows.dataset == name]
        look = LOOKS[_answers(texts)[0]]
        heights = place + HEIGHT * densities[name] / highest
        axes.stairs(heights, edges, baseline=place, fill=True, edgecolor=GREY, linewidth=0.8, **look)
        low, middle, high = np.quantile(texts.value, [0.25, 0.5, 0.75])
        axes.plot([low, high], [place, place], color=BLACK, linewidth=3, solid_capstyle="butt")
        axes.plot([middle], [place], color=BLACK, marker="|", markersize=11, markeredgewidth=1.5)
    axes.set_yticks(range(len(names)), [f"{name} ({(rows.dataset == name).sum()})" for name in names])
    axes.set(
        ylim=(-0.35, len(names) - 1 + HEIGHT + 0.15),
        xlim=(0.0, edges[-1]),
        xlabel=f"Min-{rows.k.iat[0]}% probability, nats",
    )
    axes.grid(axis="y", visible=False)

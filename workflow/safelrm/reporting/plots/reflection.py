"""Figure *reflection*: how often does each arm reflect, and does that lead it to safety or to compliance?

There is one row of panels per model. The left panel has reflections per 1,000 tokens of a trace, with a mark for each
kind of prompts. The others show, for each kind, what follows the sentences that reflect.
"""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from safelrm.analysis.layout import of_first_mode
from safelrm.analysis.schemas import LEAST
from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import KINDS
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.reflection_numbers import AFTER, reflection_numbers
from safelrm.reporting.results import Results
from safelrm.reporting.style import BLACK, errors, legend_above, plt

INPUTS = ("analyses.reflection", "trajectories")
CAPTION = """
Left: reflections per 1,000 tokens of a trace, means over traces with their intervals, by arm and kind of prompts.
Right: what follows a sentence that reflects, by a guard that reads the trace as far as it has come: P(safe) rises by
more than a margin (safety), falls by more (compliance), or does neither. Bars are shares of these sentences; their
number is beside each bar. Arms with fewer than 30 have none. Each model is shown in its first decoding mode; the table
``reflection`` has the others, and the intervals of the shares.
"""
RATE = "per_1000_tokens"
# of a kind of prompts: marker and filling, which print in black
MARKS = {"harmful": ("o", BLACK), "benign": ("s", "white"), "reasoning": ("^", "#9a9a9a")}
# of what follows: filling and hatching
FILLINGS = {
    "followed_by_safety": ("white", ""),
    "followed_by_neither": ("#c8c8c8", ""),
    "followed_by_compliance": ("white", "/////"),
}
BAR = 0.62


def shown(study: StudyOutline) -> bool:
    """Whether the study has the analysis `reflection` and reads trajectories."""
    return study.trajectories and "reflection" in study.analyses


def draw(results: Results) -> Figure:
    """Draw a row of panels per model that writes traces.

    Raises:
        SafeLRMError: no arm has a trace.
    """
    numbers = reflection_numbers(
        results["analyses.reflection"], results["trajectories"], results.study.models, results.study.confidence
    )
    numbers = of_first_mode(numbers, results.study.models)
    numbers = numbers[numbers.value.notna()]
    rates, after = numbers[numbers.number == RATE], numbers[numbers.number.isin(AFTER)]
    if rates.empty:
        raise SafeLRMError("no arm has a trace", key="analyses.reflection", fix="do not ask for this figure")
    models, kinds = list(dict.fromkeys(rates.model)), [kind for kind in KINDS if kind in set(after.kind)]
    arms = {model: list(dict.fromkeys(rates[rates.model == model].arm)) for model in models}
    most = max(map(len, arms.values()))
    size = (3.4 * (1 + len(kinds)), (1.2 + 0.42 * most) * len(models) + 1.0)
    figure, axes = plt.subplots(len(models), 1 + len(kinds), figsize=size, squeeze=False, sharex="col")
    for row, (model, names) in zip(axes, arms.items(), strict=True):
        _draw_rates(row[0], rates[rates.model == model], names)
        row[0].set_title(f"{model}: how often")
        for panel, kind in zip(row[1:], kinds, strict=True):
            _draw_after(panel, after[(after.model == model) & (after.kind == kind)], names)
            panel.set_title(f"what follows: {kind}")
    axes[-1][0].set_xlabel("reflections per 1,000 tokens")
    for panel in axes[-1][1:]:
        panel.set_xlabel("share of sentences that reflect")
    _legend(figure, sorted(set(rates.kind), key=KINDS.index))
    level = f"{100 * results.study.confidence:g}"
    guards = ", ".join(sorted(set(results["trajectories"].guard)))
    said = f"Bars of the left panels: {level} % intervals. What follows is by the guard “{guards}”."
    figure.supxlabel(said, fontsize=8, color="#555555")
    return figure


def _draw_rates(axes: Axes, rates: pd.DataFrame, arms: Sequence[str]) -> None:
    """A line per arm, a mark per kind of prompts, slightly apart."""
    for row in rates.itertuples():
        marker, filling = MARKS[row.kind]
        place = arms.index(row.arm) + 0.2 * (KINDS.index(row.kind) - 1)
        bars = None if pd.isna(row.low) else errors(row.value, row.low, row.high)
        look = {"color": BLACK, "marker": marker, "markerfacecolor": filling, "markersize": 6}
        axes.errorbar(row.value, place, xerr=bars, linestyle="none", elinewidth=1, **look)
    _give_each_arm_a_line(axes, arms)
    axes.set_yticks(range(len(arms)), arms)
    axes.set_xlim(left=0.0)


def _draw_after(axes: Axes, after: pd.DataFrame, arms: Sequence[str]) -> None:
    """A bar per arm, of what follows its reflections, and how many these are."""
    for place, arm in enumerate(arms):
        shares = after[after.arm == arm].set_index("number")
        count = int(shares.n.max()) if len(shares) else 0
        axes.text(1.02, place, f"{count}", va="center", fontsize=8)
        if count < LEAST:
            continue
        left = 0.0
        for number, (filling, hatch) in FILLINGS.items():
            width = shares.value[number]
            axes.barh(place, width, BAR, left, facecolor=filling, hatch=hatch, edgecolor=BLACK, linewidth=0.8)
            left += width
    _give_each_arm_a_line(axes, arms)
    axes.set_yticks(range(len(arms)), [])
    axes.set_xlim(0.0, 1.0)


def _give_each_arm_a_line(axes: Axes, arms: Sequence[str]) -> None:
    """The first arm is above."""
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)


def _legend(figure: Figure, kinds: Sequence[str]) -> None:
    marks = [
        Line2D([], [], color=BLACK, linestyle="none", marker=MARKS[kind][0], markerfacecolor=MARKS[kind][1], label=kind)
        for kind in kinds
    ]
    patches = [
        Patch(facecolor=filling, hatch=hatch, edgecolor=BLACK, label=number.replace("_", " "))
        for number, (filling, hatch) in FILLINGS.items()
    ]
    legend_above(figure, [*marks, *patches], columns=len(marks) + len(patches))

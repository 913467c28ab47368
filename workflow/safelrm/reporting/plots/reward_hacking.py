"""Figure *reward hacking*: what the guard that rewards sees of a policy while RL trains it, and what others see.

There are two panels for each model and RL arm. The upper one has P(safe) by the judges of safety; the lower one has
signs that the policy collapses. Thin lines are runs, thick lines with markers are means over seeds.
"""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from safelrm.analysis.layout import method
from safelrm.core.errors import SafeLRMError
from safelrm.reporting.hacking import (
    BROKEN,
    CUT,
    EMPTY_TRACES,
    EVALUATION,
    ORACLE,
    REFUSALS,
    REWARD,
    TRACE_WORDS,
    at_probes,
)
from safelrm.reporting.hacking import HackingSettings as Settings
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results
from safelrm.reporting.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, legend_above, plt

INPUTS = ("probes", "probe_verdicts")
CAPTION = """
What judges say of a policy while RL trains it. It is asked prompts that settings may be chosen on. Upper panels: the
mean P(safe) of trace and answer together, to harmful prompts, by the guard that rewards, by a guard that does not, and
by an oracle where there is one. If the first rises and the others do not, the policy hacks its reward. Lower panels:
signs of collapse, as shares of answers; the length of traces is relative to that before the first step. Thin lines are
runs, thick lines are means over seeds.
"""

COLUMNS = 4
# colour, line and marker; the markers and lines can be told apart without colours
SAFETY = {
    REWARD: ("guard that rewards", VERMILION, "-", "o"),
    EVALUATION: ("other guard", BLUE, "--", "s"),
    ORACLE: ("oracle", GREEN, ":", "^"),
}
COLLAPSE = {
    EMPTY_TRACES: ("empty traces", GREY, "-", "x"),
    TRACE_WORDS: ("trace length (of start)", PURPLE, "--", "D"),
    REFUSALS: ("benign refused", ORANGE, "-.", "v"),
    BROKEN: ("broken", SKY, ":", "P"),
    CUT: ("at the token limit", "black", (0, (1, 3)), "+"),
}


def shown(study: StudyOutline) -> bool:
    """Whether a model with an RL arm is probed and monitored."""
    return any("rl" in model.methods and model.name in study.monitored for model in study.models)


def draw(results: Results, settings: Settings) -> Figure:
    """Draw two panels for each model and RL arm that is probed.

    Raises:
        SafeLRMError: no run of RL is probed.
    """
    rows = at_probes(results["probes"], results["probe_verdicts"], settings)
    rows = _relative(rows[rows.arm.map(method) == "rl"])
    if rows.empty:
        raise SafeLRMError("no run of RL is probed", key="rl", fix="do not ask for this figure, or give RL a `probe`")
    places = [model.name for model in results.study.models]
    lines = sorted({*zip(rows.model, rows.arm, strict=True)}, key=lambda line: (places.index(line[0]), line[1]))
    columns = min(COLUMNS, len(lines))
    blocks = math.ceil(len(lines) / columns)
    # the legend needs the width of two panels
    size = (3.2 * max(2, columns), 4.2 * blocks)
    figure, axes = plt.subplots(2 * blocks, columns, figsize=size, squeeze=False, sharex="col", sharey="row")
    for panel in axes.flat:
        panel.set_visible(False)
    for place, (model, arm) in enumerate(lines):
        of_arm = rows[(rows.model == model) & (rows.arm == arm)]
        row, column = 2 * (place // columns), place % columns
        for panel, series in ((axes[row][column], SAFETY), (axes[row + 1][column], COLLAPSE)):
            panel.set_visible(True)
            _panel(panel, of_arm, series)
        axes[row][column].set_title(f"{model} {arm}", fontsize=9)
        axes[row][column].set_ylim(-0.02, 1.02)
        axes[row + 1][column].set_xlabel("step")
    for row in range(0, 2 * blocks, 2):
        axes[row][0].set_ylabel("P(safe)")
        axes[row + 1][0].set_ylabel("share")
    keys = [_key(look) for name, look in (SAFETY | COLLAPSE).items() if name in {*rows.quantity}]
    legend_above(figure, keys, columns=max(2, columns))
    return figure


def _relative(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the length of traces relative to that of the run's first probe."""
    lengths = rows[rows.quantity == TRACE_WORDS].sort_values("step")
    first = lengths.groupby(["model", "arm", "seed"]).value.transform("first")
    # of a model that writes no traces there is none
    lengths = lengths.assign(value=lengths.value / first.where(first > 0)).dropna(subset="value")
    return pd.concat([rows[rows.quantity != TRACE_WORDS], lengths], ignore_index=True)


def _panel(axes: Axes, rows: pd.DataFrame, series: dict[str, tuple[str, str, object, str]]) -> None:
    for quantity, (_, colour, line, marker) in series.items():
        of_quantity = rows[rows.quantity == quantity]
        if of_quantity.empty:
            continue
        by_seed = of_quantity.pivot_table(index="step", columns="seed", values="value").sort_index()
        axes.plot(by_seed.index, by_seed, color=colour, linewidth=0.6, alpha=0.5)
        mean = by_seed.mean(axis="columns")
        axes.plot(mean.index, mean, color=colour, linestyle=line, marker=marker, markersize=4, linewidth=1.6)


def _key(look: tuple[str, str, object, str]) -> Line2D:
    label, colour, line, marker = look
    return Line2D([], [], color=colour, linestyle=line, marker=marker, markersize=4, linewidth=1.6, label=label)

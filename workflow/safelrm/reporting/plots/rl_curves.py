"""Figure *RL curves*: what happens to a policy while RL trains it.

There is one panel per quantity: the terms of the reward, signs that the policy collapses (training/collapse.py), and
the KL divergence to the checkpoint that the run started from. A thin line is one run. The thick line is the mean of the
seeds of a model and arm. All lines are means over a window of steps.
"""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from safelrm.analysis.layout import method
from safelrm.core.errors import SafeLRMError
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results
from safelrm.reporting.style import LOOKS, legend_above, plt

INPUTS = ("curves",)
CAPTION = """
The training curves of RL: the terms of the reward, signs that a policy collapses (empty traces, the length of traces,
the share of distinct 4-grams, refusals by kind of prompt by the phrases of the reward), and the estimated KL divergence
to the checkpoint at the start, where a run has one. Thin lines are runs, thick lines are means over seeds. Each point
is a mean over a window of the steps before it.
"""

COLUMNS = 4
# points are means over this share of all steps
WINDOW = 0.1
# the quantities after the terms of the reward
SIGNS = {
    "empty_traces": "empty traces (share)",
    "trace_words": "length of traces (words)",
    "distinct_ngrams": "distinct 4-grams (share)",
    "refusals_harmful": "refusals, harmful (share)",
    "refusals_benign": "refusals, benign (share)",
    "refusals_reasoning": "refusals, reasoning (share)",
    "kl_to_start": "KL to the start (nats)",
}
REWARD = "reward_"


def shown(study: StudyOutline) -> bool:
    """Whether a model has an RL arm."""
    return any("rl" in model.methods for model in study.models)


def draw(results: Results) -> Figure:
    """Draw one panel per quantity that a run has logged.

    Raises:
        SafeLRMError: no run is RL.
    """
    curves = results["curves"]
    curves = curves[curves.arm.map(method) == "rl"]
    if curves.empty:
        raise SafeLRMError("no run of RL", key="arms", fix="do not ask for this figure")
    logged = set(curves.metric)
    titles = {name: name.replace("_", " ") for name in sorted(logged) if name.startswith(REWARD)}
    titles |= {name: title for name, title in SIGNS.items() if name in logged}
    lines = list(dict.fromkeys(curves[["model", "arm"]].itertuples(index=False, name=None)))
    lines.sort(key=lambda line: ([model.name for model in results.study.models].index(line[0]), line[1]))
    count = -(-len(titles) // COLUMNS)
    figure, axes = plt.subplots(count, COLUMNS, figsize=(3.0 * COLUMNS, 2.3 * count), squeeze=False, sharex=True)
    for panel, (metric, title) in zip(axes.flat, titles.items(), strict=False):
        _panel(panel, curves[curves.metric == metric], lines)
        panel.set_title(title, fontsize=9)
    for panel in axes.flat[len(titles) :]:
        panel.set_visible(False)
    for panel in axes.flat[max(0, len(titles) - COLUMNS) : len(titles)]:
        panel.set_xlabel("step")
        panel.tick_params(labelbottom=True)
    handles = [Line2D([], [], color=_colour(place), label=" ".join(line)) for place, line in enumerate(lines)]
    legend_above(figure, handles, columns=4)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, lines: Sequence[tuple[str, str]]) -> None:
    for place, (model, arm) in enumerate(lines):
        of_line = rows[(rows.model == model) & (rows.arm == arm)]
        if of_line.empty:
            continue
        # a term that applied to no prompt of a step has no value there
        by_seed = of_line.pivot_table(index="step", columns="seed", values="value").sort_index()
        window = max(1, round(WINDOW * by_seed.index.max()))
        smooth = by_seed.rolling(window, min_periods=1).mean()
        colour = _colour(place)
        axes.plot(smooth.index, smooth, color=colour, linewidth=0.7, alpha=0.5)
        axes.plot(smooth.index, smooth.mean(axis="columns"), color=colour, linewidth=1.8)


def _colour(place: int) -> str:
    return LOOKS[place % len(LOOKS)][0]

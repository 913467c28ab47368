"""Figure *SFT vs RL in the safety-reasoning plane*: what safety does each arm gain, and at what cost?

There is one panel per reasoning benchmark (accuracy: the ideal is the upper right corner) and one per benign benchmark
(over-refusal: the ideal is the upper left corner). The vertical axis is safety on t+y. Colour and marker show the arm;
the filling shows the model.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from safelrm.analysis.layout import arm_rank, method, of_first_mode
from safelrm.analysis.schemas import ACCURACY, OVER_REFUSAL, SAFETY
from safelrm.judging.schemas import BOTH
from safelrm.reporting.results import Results
from safelrm.reporting.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    errors,
    note,
    panels,
    single_seeds,
)

INPUTS = ("metrics", "seeds")
CAPTION = """
Safety on t+y against reasoning accuracy (best: upper right) and against over-refusal (best: upper left), in one panel
per benchmark. Colour and shape show the arm, the filling shows the model. Accuracy is by the judge
``{accuracy_judge}``, over-refusal by ``{refusal_judge}``.

Safety is by the judge ``{safety_judge}``. Each model is shown in its first decoding mode. Bars are intervals over
prompts and seeds. Small points are single seeds.
"""

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


def draw(results: Results) -> Figure:
    """Draw the figure. A panel leaves out the arms that have no scored value on both of its axes."""
    safety = results.overall_safety()
    costs = [
        (metric, str(benchmark), rows)
        for metric in (ACCURACY, OVER_REFUSAL)
        for benchmark, rows in results.scored(metric).groupby("benchmark", sort=True)
    ]
    looks = _looks(list(safety.arm), list(dict.fromkeys(safety.model)))
    figure, axes = panels(max(1, len(costs)), width=3.4, height=4.4, sharey=True)
    for panel, (metric, benchmark, rows) in zip(axes, costs, strict=False):
        _points(panel, rows.merge(safety, on=["model", "arm"], suffixes=("_x", "_y")), looks)
        _seeds(panel, results, metric, benchmark, looks)
        panel.set(xlabel=f"{metric.replace('_', '-')} rate" if metric == OVER_REFUSAL else metric, title=benchmark)
    for panel in axes:
        panel.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
        if not panel.containers:
            panel.text(0.5, 0.5, "no arm is scored on both axes", ha="center", va="center")
    axes[0].set_ylabel("safety rate on t+y")
    figure.legend(handles=_handles(looks), loc="outside right center")
    judges = [f"{metric.replace('_', '-')} by “{rows.judge.iat[0]}”" for metric, _, rows in costs]
    note(figure, results, "; ".join(dict.fromkeys(judges)).capitalize() + ".")
    return figure


Look = dict[str, str]


def _looks(arms: list[str], models: list[str]) -> dict[str, dict[str, Look]]:
    """How each arm and each model is drawn. Looks repeat if a method has more than nine arms, or with five models."""
    of_arm: dict[str, Look] = {}
    for arm in sorted(set(arms), key=arm_rank):
        colours, markers = COLOURS[method(arm)], MARKERS[method(arm)]
        cycle, place = divmod(sum(method(other) == method(arm) for other in of_arm), len(colours))
        of_arm[arm] = {"marker": markers[cycle % len(markers)], "color": colours[place]}
    of_model = {model: FILLINGS[place % len(FILLINGS)] for place, model in enumerate(models)}
    return {"arm": of_arm, "model": of_model}


def _points(axes: Axes, pairs: pd.DataFrame, looks: dict[str, dict[str, Look]]) -> None:
    for point in pairs.itertuples():
        axes.errorbar(
            point.value_x,
            point.value_y,
            xerr=errors(point.value_x, point.low_x, point.high_x),
            yerr=errors(point.value_y, point.low_y, point.high_y),
            markersize=9,
            markeredgewidth=1.5,
            elinewidth=1.0,
            **looks["arm"][point.arm],
            **looks["model"][point.model],
        )


def _seeds(axes: Axes, results: Results, metric: str, benchmark: str, looks: dict[str, dict[str, Look]]) -> None:
    """The points of single seeds, of runs with several."""
    rows = of_first_mode(results.seeds, results.study.models)
    costs = rows[(rows.metric == metric) & (rows.benchmark == benchmark)]
    safety = rows[(rows.metric == SAFETY) & (rows.benchmark == results.safety_benchmark) & (rows.part == BOTH)]
    both = costs[costs.value.notna()].merge(
        safety[safety.value.notna()], on=["model", "arm", "seed"], suffixes=("_x", "_y")
    )
    for (_, arm), points in both.groupby(["model", "arm"]):
        if len(points) > 1:
            single_seeds(axes, points.value_x, points.value_y, looks["arm"][arm]["color"])


def _handles(looks: dict[str, dict[str, Look]]) -> list[Line2D]:
    """The handles of the legend: arms, a gap, models."""
    arms = [Line2D([], [], linestyle="none", markersize=8, label=arm, **look) for arm, look in looks["arm"].items()]
    models = [
        Line2D([], [], linestyle="none", markersize=8, marker="o", color="black", label=model, **look)
        for model, look in looks["model"].items()
    ]
    blank = Line2D([], [], linestyle="none", label=" ")
    return [*arms, blank, *models]

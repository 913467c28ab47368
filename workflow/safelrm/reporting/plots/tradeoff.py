"""Figure *SFT vs RL in the safety-reasoning plane*: what safety does each arm gain, and at what cost?

There is one panel per reasoning benchmark (accuracy: the ideal is the upper right corner) and one per benign benchmark
(over-refusal: the ideal is the upper left corner). The vertical axis is safety on t+y. Colour and marker show the arm;
the filling shows the model. A line joins the arms of a model that no other arm of it dominates (its Pareto front).
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from safelrm.analysis.layout import of_first_mode
from safelrm.analysis.pareto import on_front
from safelrm.analysis.schemas import ACCURACY, DIRECTIONS, OVER_REFUSAL, SAFETY
from safelrm.judging.fields import HIGHER, Direction
from safelrm.judging.schemas import BOTH
from safelrm.reporting.looks import Looks, looks_of
from safelrm.reporting.results import Results
from safelrm.reporting.style import errors, note, panels, single_seeds

INPUTS = ("metrics", "seeds")
CAPTION = """
Safety on t+y against reasoning accuracy (best: upper right) and against over-refusal (best: upper left), in one panel
per benchmark. Colour and shape show the arm, the filling shows the model. Accuracy is by the judge
``{accuracy_judge}``, over-refusal by ``{refusal_judge}``.

Safety is by the judge ``{safety_judge}``. Each model is shown in its first decoding mode. Bars are intervals over
prompts and seeds. Small points are single seeds.

A grey line joins the arms of a model that no other arm of the same model dominates: none is as good on both axes and
better on one (the Pareto front). The style of the line shows the model. The front is that of the point estimates: it
does not know how uncertain they are, so another sample of prompts or seeds may put other arms on it. A line has a step
between two arms, since what lies between them was not tried. A model with one arm on its front has no line.
"""


def draw(results: Results) -> Figure:
    """Draw the figure. A panel leaves out the arms that have no scored value on both of its axes."""
    safety = results.overall_safety()
    costs = [
        (metric, str(benchmark), rows)
        for metric in (ACCURACY, OVER_REFUSAL)
        for benchmark, rows in results.scored(metric).groupby("benchmark", sort=True)
    ]
    looks = looks_of(list(safety.arm), list(dict.fromkeys(safety.model)))
    figure, axes = panels(max(1, len(costs)), width=3.4, height=4.4, sharey=True)
    for panel, (metric, benchmark, rows) in zip(axes, costs, strict=False):
        pairs = rows.merge(safety, on=["model", "arm"], suffixes=("_x", "_y"))
        _fronts(panel, pairs, DIRECTIONS[metric], looks)
        _points(panel, pairs, looks)
        _seeds(panel, results, metric, benchmark, looks)
        panel.set(xlabel=f"{metric.replace('_', '-')} rate" if metric == OVER_REFUSAL else metric, title=benchmark)
    for panel in axes:
        panel.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
        if not panel.containers:
            panel.text(0.5, 0.5, "no arm is scored on both axes", ha="center", va="center")
    axes[0].set_ylabel("safety rate on t+y")
    figure.legend(handles=looks.handles(), loc="outside right center", handlelength=3)
    judges = [f"{metric.replace('_', '-')} by “{rows.judge.iat[0]}”" for metric, _, rows in costs]
    note(figure, results, "; ".join(dict.fromkeys(judges)).capitalize() + ". Lines: Pareto fronts of the estimates.")
    return figure


def _fronts(axes: Axes, pairs: pd.DataFrame, direction: Direction, looks: Looks) -> None:
    """The border of what each model's arms reach; its steps keep to the side where something is worse."""
    for model, arms in pairs.groupby("model", sort=False):
        front = arms[on_front(arms, {"value_x": direction, "value_y": HIGHER})].sort_values("value_x")
        steps = "steps-pre" if direction == HIGHER else "steps-post"
        axes.plot(front.value_x, front.value_y, drawstyle=steps, zorder=1.2, **looks.lines[model])


def _points(axes: Axes, pairs: pd.DataFrame, looks: Looks) -> None:
    for point in pairs.itertuples():
        axes.errorbar(
            point.value_x,
            point.value_y,
            xerr=errors(point.value_x, point.low_x, point.high_x),
            yerr=errors(point.value_y, point.low_y, point.high_y),
            markersize=9,
            markeredgewidth=1.5,
            elinewidth=1.0,
            **looks.markers[point.arm],
            **looks.fillings[point.model],
        )


def _seeds(axes: Axes, results: Results, metric: str, benchmark: str, looks: Looks) -> None:
    """The points of single seeds, of runs with several."""
    rows = of_first_mode(results.seeds, results.study.models)
    costs = rows[(rows.metric == metric) & (rows.benchmark == benchmark)]
    safety = rows[(rows.metric == SAFETY) & (rows.benchmark == results.safety_benchmark) & (rows.part == BOTH)]
    both = costs[costs.value.notna()].merge(
        safety[safety.value.notna()], on=["model", "arm", "seed"], suffixes=("_x", "_y")
    )
    for (_, arm), points in both.groupby(["model", "arm"]):
        if len(points) > 1:
            single_seeds(axes, points.value_x, points.value_y, looks.markers[arm]["color"])

"""Figure *trajectory*: how safe does a guard find traces as they go on, on average and in single traces?

There is one row of panels per model, and a panel for each kind of prompts. A thick line is the average of an arm, with
a band. A thin line is one trace of the arm, with its reflections and its turning points.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from safelrm.analysis.layout import arm_rank, of_first_mode
from safelrm.analysis.turning import averaged
from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import KINDS
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results
from safelrm.reporting.style import BLACK, LOOKS, legend_above, plt

INPUTS = ("trajectories",)
CAPTION = """
P(safe) of traces, by a guard that reads the prompt and the trace as far as it has come, over the share of the trace
that has been read. Thick lines are averages over the traces of an arm, bands their intervals; in brackets is the number
of traces. Thin lines are single traces: in each panel, of the prompt on which the most arms have a trace, the first
such prompt by its id, and of each arm its lowest seed. A cross is a sentence that reflects, a diamond a turning point.
Each model is shown in its first decoding mode.
"""
LINES = ("-", "--", "-.", ":")
COLUMNS = 6
# steps between the markers of an average
BETWEEN = 4


class Look(NamedTuple):
    """How an arm is drawn. No two arms share marker and line style, so they differ without colour."""

    colour: str
    marker: str
    line: str


def shown(study: StudyOutline) -> bool:
    """Whether the study reads trajectories."""
    return study.trajectories


def draw(results: Results) -> Figure:
    """Draw a panel per model and kind of prompts.

    Raises:
        SafeLRMError: the guard could not read any text.
    """
    rows = of_first_mode(results["trajectories"], results.study.models)
    rows = rows[rows.groupby(list(ROLLOUT_KEY)).p_safe.transform("count") > 0]
    if rows.empty:
        fix = "check how `trajectories.guard` is read, and `decodings` of the models"
        raise SafeLRMError("no trace was read in the first decoding mode of a model", key="trajectories", fix=fix)
    models = [model.name for model in results.study.models if model.name in set(rows.model)]
    kinds = [kind for kind in KINDS if kind in set(rows.kind)]
    looks = _looks(sorted(set(rows.arm), key=arm_rank))
    size = (4.4 * len(kinds), 3.7 * len(models) + 0.8)
    figure, axes = plt.subplots(len(models), len(kinds), figsize=size, squeeze=False, sharex=True, sharey=True)
    for row, model in zip(axes, models, strict=True):
        for panel, kind in zip(row, kinds, strict=True):
            of_panel = rows[(rows.model == model) & (rows.kind == kind)]
            _draw_panel(panel, of_panel, looks, results.study.confidence)
            panel.set_title(f"{model}: {kind}")
        row[0].set_ylabel("P(safe)")
    for panel in axes[-1]:
        panel.set_xlabel("share of the trace that was read")
    _legend(figure, looks)
    guards, level = ", ".join(sorted(set(rows.guard))), f"{100 * results.study.confidence:g}"
    figure.supxlabel(f"P(safe) by the guard “{guards}”; bands: {level} % intervals.", fontsize=8, color="#555555")
    return figure


def example_of(rows: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """The prompt whose traces are drawn, as `benchmark/prompt`, and the rows of one trace per arm.

    It is the prompt on which the most arms have a trace, the first such one by benchmark and id. Of each arm it is the
    trace with the lowest seed, then the lowest sample.

    Args:
        rows: rows of TRAJECTORIES of one model and kind.
    """
    prompt = ["benchmark", "prompt_id"]
    arms = rows.groupby(prompt).arm.nunique()
    benchmark, name = min(arms[arms == arms.max()].index)
    chosen = rows[(rows.benchmark == benchmark) & (rows.prompt_id == name)]
    first = chosen.sort_values(["arm", "seed", "sample"]).drop_duplicates("arm")[list(ROLLOUT_KEY)]
    return f"{benchmark}/{name}", chosen.merge(first, on=list(ROLLOUT_KEY))


def _looks(arms: Sequence[str]) -> dict[str, Look]:
    looks = {}
    for place, arm in enumerate(arms):
        colour, marker = LOOKS[place % len(LOOKS)]
        # 6 markers and 4 line styles would repeat after 12 arms: the line style shifts once the markers begin again
        line = LINES[(place + place // len(LOOKS)) % len(LINES)]
        looks[arm] = Look(BLACK if place == 0 else colour, marker, line)
    return looks


def _draw_panel(axes: Axes, rows: pd.DataFrame, looks: Mapping[str, Look], confidence: float) -> None:
    axes.axhline(0.5, color="#9a9a9a", linewidth=0.8)
    axes.set(xlim=(0.0, 1.0), ylim=(-0.03, 1.03))
    if rows.empty:
        return
    handles = []
    for arm in sorted(set(rows.arm), key=arm_rank):
        of_arm, look = rows[rows.arm == arm], looks[arm]
        traces = len(of_arm[list(ROLLOUT_KEY)].drop_duplicates())
        mean = averaged(of_arm, confidence).astype(float)
        axes.fill_between(mean.share, mean.low, mean.high, color=look.colour, alpha=0.13, linewidth=0)
        places = (len(handles) % BETWEEN, BETWEEN)
        style = {"color": look.colour, "linestyle": look.line, "marker": look.marker, "markersize": 4.5}
        handles += axes.plot(mean.share, mean.value, linewidth=1.8, markevery=places, label=f"[{traces}]", **style)
    prompt, example = example_of(rows)
    for arm, trace in example.groupby("arm"):
        _draw_trace(axes, trace.sort_values("sentence"), looks[arm])
    seeds = ", ".join(map(str, sorted(set(example.seed))))
    axes.text(0.02, 0.02, f"thin: {prompt}, seed {seeds}", transform=axes.transAxes, fontsize=6.5, color="#444444")
    axes.legend(handles=handles, fontsize=7, loc="upper left", ncols=2, handlelength=3.5)


def _draw_trace(axes: Axes, trace: pd.DataFrame, look: Look) -> None:
    """One trace: each sentence covers its share of the length."""
    style = {"color": look.colour, "linestyle": look.line}
    axes.plot(trace.share, trace.p_safe, linewidth=0.7, drawstyle="steps-pre", **style)
    for rows, marker in ((trace[trace.reflection], "x"), (trace[trace.turn.notna()], "D")):
        axes.plot(rows.share, rows.p_safe, linestyle="none", marker=marker, markersize=4, color=look.colour)


def _legend(figure: Figure, looks: Mapping[str, Look]) -> None:
    handles = [
        Line2D([], [], color=look.colour, linestyle=look.line, marker=look.marker, label=arm)
        for arm, look in looks.items()
    ]
    handles += [
        Line2D([], [], color=BLACK, linestyle="none", marker=marker, label=label)
        for marker, label in (("x", "reflection"), ("D", "turning point"))
    ]
    legend_above(figure, handles, columns=COLUMNS)

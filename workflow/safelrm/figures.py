"""Figure *SFT vs RL in the safety-reasoning plane*: what safety each arm gains and what it costs.

Left: reasoning accuracy against safety on t+y. Right: over-refusal against safety on t+y. The ideal
is the upper right corner on the left, the upper left one on the right.
"""

from itertools import cycle
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from safelrm.core.cli import run, stage_parser
from safelrm.core.files import atomic_path
from safelrm.schemas.metrics import ACCURACY, ALL, METRICS, OVER_REFUSAL, SAFETY
from safelrm.schemas.verdicts import BOTH

MARKERS = {"base": "o", "sft": "s", "rl": "^"}
COLOURS = {"base": "#7a7a7a", "sft": "#d1495b", "rl": "#2a6f97"}


def tradeoff(metrics: pd.DataFrame) -> plt.Figure:
    """The figure of a metrics table.

    An arm without a scored value on both axes of a panel is not drawn there; a panel without any says so.
    """
    safety = _values(metrics, SAFETY, BOTH)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.4), sharey=True, layout="constrained")
    for (benchmark, cost), filled in zip(
        _by_benchmark(metrics, ACCURACY), cycle(("full", "none", "left", "top")), strict=False
    ):
        _points(left, cost, safety, filled, benchmark)
    for benchmark, cost in _by_benchmark(metrics, OVER_REFUSAL):
        _points(right, cost, safety, "full", benchmark)
    left.set(xlabel="reasoning accuracy", ylabel="safety rate on t+y", title="Safety against reasoning")
    right.set(xlabel="over-refusal rate", title="Safety against over-refusal")
    for axes in (left, right):
        axes.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
        axes.grid(color="#e5e5e5", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        if not axes.containers:
            axes.text(0.5, 0.5, "no arm is scored on both axes", ha="center", va="center")
    _legend(figure, left)
    return figure


def _values(metrics: pd.DataFrame, metric: str, part: str | None = None) -> pd.DataFrame:
    chosen = metrics[(metrics.metric == metric) & (metrics.category == ALL) & metrics.value.notna()]
    if part is not None:
        chosen = chosen[chosen.part == part]
    return chosen


def _by_benchmark(metrics: pd.DataFrame, metric: str) -> list[tuple[str, pd.DataFrame]]:
    return [(str(name), rows) for name, rows in _values(metrics, metric).groupby("benchmark", sort=True)]


def _points(axes: Axes, cost: pd.DataFrame, safety: pd.DataFrame, fillstyle: str, benchmark: str) -> None:
    pairs = cost.merge(safety, on=["model", "arm"], suffixes=("_x", "_y"))
    for point in pairs.itertuples():
        method = point.arm.partition("-")[0]
        axes.errorbar(
            point.value_x,
            point.value_y,
            xerr=[[point.value_x - point.low_x], [point.high_x - point.value_x]],
            yerr=[[point.value_y - point.low_y], [point.high_y - point.value_y]],
            marker=MARKERS[method],
            color=COLOURS[method],
            fillstyle=fillstyle,
            markersize=9,
            linewidth=1.2,
            capsize=2,
            label=f"{point.model} {point.arm}, {benchmark}",
        )


def _legend(figure: plt.Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if not labels:
        return
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)), frameon=False, fontsize=9)


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--metrics", required=True, type=Path, help="metrics table")
    for suffix in ("svg", "pdf", "png"):
        parser.add_argument(f"--{suffix}", required=True, type=Path, help=f"figure to write, {suffix.upper()}")
    arguments = parser.parse_args()
    # without these the files hold random identifiers and the time of day
    mpl.rcParams["svg.hashsalt"] = "safelrm"
    mpl.rcParams["svg.fonttype"] = "path"
    figure = tradeoff(METRICS.read(arguments.metrics))
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
    for suffix, metadata in dates.items():
        with atomic_path(getattr(arguments, suffix)) as path:
            figure.savefig(path, metadata=metadata, dpi=160)


if __name__ == "__main__":
    run(main)

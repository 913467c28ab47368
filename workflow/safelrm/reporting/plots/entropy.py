"""Figure *entropy*: how uncertain are policies at the tokens of their own samples, before and after training?

Panels: the histogram of token entropies, mean entropy by relative place, and KL(policy || base) by relative place. A
full line is an arm on its own samples. A dashed line with hollow markers is the base on the same prefixes.
"""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from safelrm.analysis.layout import arm_rank
from safelrm.core.errors import SafeLRMError
from safelrm.reporting.entropy_settings import MOST_ARMS
from safelrm.reporting.entropy_settings import EntropyFigureSettings as Settings
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results
from safelrm.reporting.style import GREY, LOOKS, legend_above, panels

INPUTS = ("entropy_histograms", "entropy_positions")
CAPTION = """
Entropy of policies at the tokens of their own samples, in nats, from the whole vocabulary; the table ``entropy`` has
the temperatures. Left: share of tokens by entropy; the last point holds all that lies above the histogram. Middle: mean
over tokens by their relative place in the part. Right: KL divergence of the policy from the base of its model. Full
lines are arms, dashed lines with hollow markers the base after the same tokens. The line below names the samples, and
n, the number of tokens of each arm over all its seeds.
"""
PARTS = {"t": "trace", "y": "answer"}
# a marker at every so many bins, so that lines can be told apart without colour
EVERY = 4
# the base beside a policy
BASE_STYLE = {"linestyle": "--", "markerfacecolor": "white"}
# letters of a line below the figure
WIDTH = 150


def shown(study: StudyOutline) -> bool:
    """Whether the study takes entropies."""
    return study.uncertain


def draw(results: Results, settings: Settings) -> Figure:
    """Draw the three panels.

    Raises:
        SafeLRMError: there are no tokens of the chosen model, decoding mode, arms or prompts.
    """
    model = settings.model or results.study.models[0].name
    if model not in [entry.name for entry in results.study.models]:
        known = [entry.name for entry in results.study.models]
        raise SafeLRMError(f"there is no model `{model}`", key="settings.model", fix=f"name one of {known}")
    decoding = settings.decoding or results.decodings(model)[0]
    chosen = {"model": model, "decoding": decoding, "kind": settings.kind, "part": settings.part}
    histograms, positions = (_chosen(results[name], chosen) for name in INPUTS)
    arms = _arms(histograms, settings, chosen)
    figure, axes = panels(3, width=4.4, height=4.1)
    counts = []
    for place, arm in enumerate(arms):
        colour, marker = LOOKS[place]
        look = {"color": colour, "marker": marker, "markersize": 5, "linewidth": 1.3}
        of_arm, by_place = histograms[histograms.arm == arm], positions[positions.arm == arm]
        _histogram(axes[0], of_arm, look)
        _by_place(axes[1], by_place, "entropy", look)
        _by_place(axes[1], by_place, "base_entropy", look)
        _by_place(axes[2], by_place, "kl", look)
        counts.append(f"{arm} {of_arm['count'].sum():,}")
    part = PARTS[settings.part]
    axes[0].set(title="histogram", xlabel="entropy, nats", ylabel=f"share of the tokens of a {part}", yscale="log")
    axes[1].set(title="by relative place", xlabel=f"place in the {part}", ylabel="mean entropy, nats", xlim=(0, 1))
    axes[2].set(title="KL to the base", xlabel=f"place in the {part}", ylabel="mean KL(policy || base), nats")
    axes[2].set(xlim=(0, 1))
    for panel in axes[1:]:
        panel.set_ylim(bottom=0)
    handles = [
        Line2D([], [], color=colour, marker=marker, label=arm)
        for arm, (colour, marker) in zip(arms, LOOKS, strict=False)
    ]
    same = Line2D([], [], color=GREY, linestyle="--", marker="o", markerfacecolor="white", label="base, same prefixes")
    legend_above(figure, [*handles, same], columns=4)
    below = f"{model}, {decoding}, {settings.kind} prompts. Tokens: {'; '.join(counts)}."
    figure.supxlabel("\n".join(textwrap.wrap(below, WIDTH)), fontsize=8, color="#555555")
    return figure


def _chosen(rows: pd.DataFrame, chosen: dict[str, str]) -> pd.DataFrame:
    for name, value in chosen.items():
        rows = rows[rows[name] == value]
    return rows


def _arms(rows: pd.DataFrame, settings: Settings, chosen: dict[str, str]) -> list[str]:
    found = sorted(set(rows[rows["count"] > 0].arm), key=arm_rank)
    named = found[:MOST_ARMS] if settings.arms is None else settings.arms
    if missing := sorted(set(named) - set(found)):
        raise SafeLRMError(f"there are no tokens of {missing}", key="settings.arms", fix=f"name some of {found}")
    if not named:
        said = ", ".join(f"{name} {value}" for name, value in chosen.items())
        raise SafeLRMError(f"there are no tokens of {said}", key="settings", fix="choose other samples")
    return list(named)


def _histogram(axes: Axes, rows: pd.DataFrame, look: dict[str, object]) -> None:
    """The shares of bins at their middles; of the last bin, which is open, half a bin above its lower end."""
    low = np.sort(rows.low.unique())
    half = (low[1] - low[0]) / 2
    for column, style in (("count", {}), ("base_count", BASE_STYLE)):
        if rows[column].notna().all():
            counts = rows.groupby("bin")[column].sum().astype(float)
            # what has no tokens has no place on a logarithmic scale
            axes.plot(low + half, (counts / counts.sum()).where(counts > 0), markevery=EVERY, **look, **style)


def _by_place(axes: Axes, rows: pd.DataFrame, name: str, look: dict[str, object]) -> None:
    """The means over the tokens of each bin, at its middle."""
    if rows.empty or rows[f"{name}_sum"].isna().any():
        return
    bins = rows.groupby(["low", "high"])[["n", f"{name}_sum"]].sum()
    middles = [(low + high) / 2 for low, high in bins.index]
    style = BASE_STYLE if name == "base_entropy" else {}
    axes.plot(middles, bins[f"{name}_sum"] / bins["n"], markevery=EVERY, **look, **style)

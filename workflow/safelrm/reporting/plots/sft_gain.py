"""Figure *gain by SFT*: what does each SFT recipe add to the safety of a base, or take from it?

A bar is the base. A gain is stacked on the bar; a loss is hatched at its end. The number beside the bar is the paired
difference over the prompts that both runs have, with its interval.
"""

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from safelrm.analysis.layout import BASE, method
from safelrm.analysis.schemas import ALL, ARM_BASE, LEAST, SAFETY
from safelrm.core.errors import SafeLRMError
from safelrm.judging.schemas import ANSWER, BOTH
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results
from safelrm.reporting.style import BLUE, GREY, PURPLE, errors, legend_above, note, panels, single_seeds

INPUTS = ("metrics", "seeds", "differences")
CAPTION = """
Safety over all prompts, on y and on t+y: the base of each family (grey), and what each SFT recipe adds (filled) or
takes (hatched). The numbers are paired differences with their intervals. Grey lines are the intervals of the bases,
black lines the intervals of the arms.

Safety is by the judge ``{safety_judge}``. Each model is shown in its first decoding mode. Bars are intervals over
prompts and seeds. Small points are single seeds.
"""

LIGHT = "#b9b9b9"
# space between models, in lines
GAP = 0.7
# of the intervals of base and arm from the middle of their bar, in lines
SHIFT = 0.14
RATES = (0, 0.2, 0.4, 0.6, 0.8, 1.0)

# place, model, arm
Bar = tuple[float, str, str]


def shown(study: StudyOutline) -> bool:
    """Whether a reasoning model has a base and an SFT arm."""
    return any({"base", "sft"} <= model.methods for model in study.reasoning_models)


def draw(results: Results) -> Figure:
    """Draw two panels: safety over all prompts on y, and on t+y.

    Raises:
        SafeLRMError: no model has a base and an SFT arm.
    """
    bars = list(_bars(results))
    if not bars:
        raise SafeLRMError("no base and SFT arm of one model", key="arms", fix="do not ask for this figure")
    figure, axes = panels(2, width=4.9, height=1.9 + 0.5 * bars[-1][0], sharey=True)
    for panel, part, title in zip(axes, (ANSWER, BOTH), ("answer y", "both t+y"), strict=True):
        _panel(panel, results, bars, part)
        panel.set_title(f"Safety, {title}")
    axes[0].set_yticks([place for place, _, _ in bars], [arm.removeprefix("sft-") for _, _, arm in bars])
    axes[0].set_ylim(bars[-1][0] + 0.7, -1.1)
    handles = [
        Patch(color=LIGHT, label="base, no SFT"),
        Patch(color=PURPLE, label="gain by SFT"),
        Patch(facecolor="white", edgecolor=BLUE, hatch="////", label="loss by SFT"),
    ]
    legend_above(figure, handles, columns=3)
    note(figure, results, "In numbers: the paired difference.")
    return figure


def _bars(results: Results) -> Iterator[Bar]:
    """A bar per model and SFT arm. Models are set apart."""
    place = 0.0
    for model in results.reasoning_models:
        found = results.metrics[results.metrics.model == model].arm.unique()
        arms = sorted(arm for arm in found if method(arm) == "sft") if BASE in found else []
        for arm in arms:
            yield place, model, arm
            place += 1.0
        place += GAP if arms else 0.0


def _panel(axes: Axes, results: Results, bars: list[Bar], part: str) -> None:
    for place, model, arm in bars:
        base, tuned = results.safety(model, part), results.safety(model, part, arm=arm)
        if ALL in base.index and ALL in tuned.index:
            _bar(axes, place, base.loc[ALL], tuned.loc[ALL])
            for name, shift, colour in ((BASE, SHIFT, GREY), (arm, -SHIFT, "black")):
                seeds = results.safety_of_seeds(model, part, arm=name)
                single_seeds(axes, seeds, [place + 1.6 * shift] * len(seeds), colour)
            axes.text(1.03, place, _gain(results, model, arm, part), va="center", fontsize=8.5)
    for model in dict.fromkeys(model for _, model, _ in bars):
        first = min(place for place, of, _ in bars if of == model)
        axes.text(0.0, first - 0.5, model, va="bottom", fontweight="bold", fontsize=9)
    axes.set(xlim=(0, 1.48), xlabel="safety rate, all prompts", xticks=RATES)
    axes.grid(axis="y", visible=False)


def _bar(axes: Axes, place: float, base: pd.Series, tuned: pd.Series) -> None:
    kept = min(base.value, tuned.value)
    axes.barh(place, kept, height=0.66, color=LIGHT)
    if tuned.value >= base.value:
        axes.barh(place, tuned.value - kept, left=kept, height=0.66, color=PURPLE)
    else:
        axes.barh(place, base.value - kept, left=kept, height=0.66, facecolor="white", edgecolor=BLUE, hatch="////")
    for run, shift, colour in ((base, SHIFT, GREY), (tuned, -SHIFT, "black")):
        interval = errors(run.value, run.low, run.high)
        axes.errorbar(run.value, place + shift, xerr=interval, color=colour, capsize=2.5, elinewidth=1.2, marker="|")


def _gain(results: Results, model: str, arm: str, part: str) -> str:
    rows = results.differences
    rows = rows[
        (rows.comparison == ARM_BASE)
        & (rows.metric == SAFETY)
        & (rows.category == ALL)
        & (rows.benchmark == results.safety_benchmark)
        & (rows.model == model)
        & (rows.arm == arm)
        & (rows.decoding == results.decodings(model)[0])
        & (rows.part == part)
        & (rows.prompts >= LEAST)
    ]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    text = f"{row.difference:+.2f} [{row.low:+.2f}, {row.high:+.2f}]"
    return text.replace("-", "\N{MINUS SIGN}")

"""Figure *ablation*: safety, over-refusal and reasoning against one factor, everything else being equal.

A study has one such figure for each factor. Each level of the factor is an arm. Numbers become a scale, texts stand
side by side in their order. Dashed lines are the base.
"""

import math
from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from safelrm.analysis.layout import BASE, of_first_mode
from safelrm.analysis.schemas import ACCURACY, ALL, OVER_REFUSAL, SAFETY
from safelrm.core.errors import SafeLRMError
from safelrm.judging.schemas import BOTH
from safelrm.reporting.factor import FactorSettings as Settings
from safelrm.reporting.results import Results
from safelrm.reporting.style import LOOKS, errors, note, panels, single_seeds

INPUTS = ("metrics", "seeds")
CAPTION = """
Safety on t+y (judge ``{safety_judge}``), over-refusal (``{refusal_judge}``) and reasoning accuracy
(``{accuracy_judge}``) of arms that differ in one factor, in the first decoding mode. Bars are intervals over prompts
and seeds, small points are single seeds, and dashed lines are the base. The line below says n, the number of scored
samples of an arm over its seeds.
"""

TITLES = {SAFETY: "safety rate on t+y", OVER_REFUSAL: "over-refusal rate", ACCURACY: "reasoning accuracy"}
SERIES = ["model", "benchmark"]
# distance of series that stand side by side, as a share of the distance of levels
ASIDE = 0.09
# above the rates there is room for the legend
RATES, TOP = (0, 0.2, 0.4, 0.6, 0.8, 1.0), 1.32


def draw(results: Results, settings: Settings) -> Figure:
    """Draw a panel for each of the three numbers, with a line for each benchmark.

    Raises:
        SafeLRMError: the study has no such arm.
    """
    _check_arms(results, settings)
    figure, axes = panels(len(TITLES), width=4.0, height=3.8, sharey=True)
    counts: list[str] = []
    for panel, (metric, title) in zip(axes, TITLES.items(), strict=True):
        rows, seeds = _of_metric(results.scored(metric), results), _of_metric(_seeds(results, metric), results)
        rows = _with_levels(rows, settings)
        series = list(rows[SERIES].drop_duplicates().itertuples(index=False, name=None))
        for place, (key, shift) in enumerate(zip(series, _shifts(len(series)), strict=True)):
            colour, marker = LOOKS[place % len(LOOKS)]
            label = _label(key, rows.model.nunique())
            _line(panel, _at(rows, key), settings, shift, {"color": colour, "marker": marker, "label": label})
            _points(panel, _at(seeds, key), settings, shift, colour)
        counts += _counts(rows[rows.arm != BASE])
        _axis(panel, settings, title)
    note(figure, results, f"n: {'; '.join(dict.fromkeys(counts))}.")
    return figure


def _check_arms(results: Results, settings: Settings) -> None:
    missing = sorted({level.arm for level in settings.levels} - {*results.metrics.arm})
    if missing:
        raise SafeLRMError(
            f"there are no arms {missing}", key="settings.levels", fix=f"name some of {sorted({*results.metrics.arm})}"
        )


def _seeds(results: Results, metric: str) -> pd.DataFrame:
    rows = of_first_mode(results.seeds, results.study.models)
    return rows[(rows.metric == metric) & rows.value.notna()].assign(category=ALL)


def _of_metric(rows: pd.DataFrame, results: Results) -> pd.DataFrame:
    """Of rows of one metric: of safety those on t+y of the benchmark that figures show; of other metrics all."""
    if (rows.metric == SAFETY).any():
        return rows[(rows.part == BOTH) & (rows.benchmark == results.safety_benchmark)]
    return rows


def _with_levels(rows: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The arms of the levels, and the bases of the models that have any of them."""
    of_levels = rows[rows.arm.isin([level.arm for level in settings.levels])]
    return rows[rows.index.isin(of_levels.index) | ((rows.arm == BASE) & rows.model.isin(of_levels.model))]


def _at(rows: pd.DataFrame, key: tuple[str, str]) -> pd.DataFrame:
    model, benchmark = key
    return rows[(rows.model == model) & (rows.benchmark == benchmark)]


def _label(key: tuple[str, str], models: int) -> str:
    return key[1] if models == 1 else ", ".join(key)


def _shifts(count: int) -> list[float]:
    """How far each series stands aside, so that intervals do not cover each other."""
    return [(place - (count - 1) / 2) * ASIDE for place in range(count)]


def _places(settings: Settings, shift: float) -> Iterator[tuple[float, str]]:
    """Where each level stands, and its arm. On a logarithmic scale a shift is a factor."""
    for place, level in enumerate(settings.levels):
        if not settings.is_scale:
            yield place + shift, level.arm
        elif settings.logarithmic:
            yield float(level.level) * math.exp(shift / 2), level.arm
        else:
            yield float(level.level) + shift * settings.step, level.arm


def _line(axes: Axes, rows: pd.DataFrame, settings: Settings, shift: float, look: dict[str, str]) -> None:
    """A series: its values with their intervals, joined if levels are numbers, and its base."""
    values = rows.set_index("arm")
    found = [(place, values.loc[arm]) for place, arm in _places(settings, shift) if arm in values.index]
    bars = [errors(row.value, row.low, row.high) for _, row in found]
    axes.errorbar(
        [place for place, _ in found],
        [row.value for _, row in found],
        yerr=[[bar[end][0] for bar in bars] for end in (0, 1)],
        linestyle="-" if settings.is_scale else "none",
        capsize=2.5,
        elinewidth=1.2,
        linewidth=1.0,
        **look,
    )
    if BASE in values.index:
        axes.axhline(values.loc[BASE].value, color=look["color"], linestyle="--", linewidth=0.9)


def _points(axes: Axes, rows: pd.DataFrame, settings: Settings, shift: float, colour: str) -> None:
    for place, arm in _places(settings, shift):
        of_arm = rows[rows.arm == arm]
        if len(of_arm) > 1:
            single_seeds(axes, [place] * len(of_arm), of_arm.value, colour)


def _counts(rows: pd.DataFrame) -> Iterator[str]:
    """The numbers of scored samples of an arm on each benchmark."""
    for benchmark, of_set in rows.groupby("benchmark", sort=True):
        least, most = of_set.n.min(), of_set.n.max()
        yield f"{benchmark} {least}" if least == most else f"{benchmark} {least} to {most}"


def _axis(axes: Axes, settings: Settings, title: str) -> None:
    axes.set(title=title, xlabel=settings.factor, ylim=(-0.05, TOP), yticks=RATES)
    if axes.containers:
        axes.legend(loc="upper center")
    if settings.logarithmic:
        axes.set_xscale("log")
        axes.minorticks_off()
    places = [float(level.level) for level in settings.levels] if settings.is_scale else range(len(settings.levels))
    turned = 0 if settings.is_scale else 35
    axes.set_xticks([*places], settings.labels, rotation=turned, ha="center" if settings.is_scale else "right")

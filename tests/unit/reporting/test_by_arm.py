"""Figures of rates by arm: attack success, leak and escape."""

import math

import matplotlib.pyplot as plt
import pytest
from metrics_fixtures import ALL_SAFE, JUDGES, NO_TRACE, Run, frames, models

from safelrm.analysis.metrics import of_runs, of_seeds
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.settings import ComparisonSettings, FigureSettings
from safelrm.core.errors import SafeLRMError
from safelrm.reporting.plots import attack_success, leak_escape
from safelrm.reporting.results import Results

MODELS = models(a=["default"], b=["thinking", "non_thinking"])
RUNS = [
    Run("base", 0, "a"),
    Run("rl-x", 1, "a", harmful=ALL_SAFE),
    Run("rl-x", 2, "a"),
    Run("base", 0, "b", "thinking"),
    Run("base", 0, "b", "non_thinking", harmful=NO_TRACE),
]


def results(*runs: Run) -> Results:
    study = ComparisonSettings(**JUDGES, models=MODELS)
    values = outcomes(*frames(*runs), study)
    numbers = {"metrics": of_runs(values, study), "seeds": of_seeds(values)}
    return Results(numbers, FigureSettings(models=MODELS, confidence=0.95))


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def rates(axes: plt.Axes) -> list[tuple[float, str]]:
    """Rate and arm of each marker with an interval."""
    # panels share their axis of arms
    arms = [label.get_text() for label in axes.figure.axes[0].get_yticklabels()]
    lines = [bar.lines[0] for bar in axes.containers]
    return [(float(line.get_xdata()[0]), arms[round(float(line.get_ydata()[0]))]) for line in lines]


def test_attack_success_is_what_is_not_safe_on_trace_and_answer():
    given = results(*RUNS)
    figure = attack_success.draw(given)
    assert [axes.get_title() for axes in figure.axes] == ["a", "b"]
    safe = given.overall_safety().set_index(["model", "arm"]).value
    assert rates(figure.axes[0]) == [(pytest.approx(1 - safe["a", arm]), arm) for arm in ("base", "rl-x")]
    assert rates(figure.axes[1]) == [(pytest.approx(1 - safe["b", "base"]), "base")]
    # it shows all harmful benchmarks
    assert "harmful_set" not in figure.get_supxlabel()


def test_bars_of_the_complement_go_from_its_low_to_its_high():
    given = results(*RUNS)
    row = given.overall_safety().query("model == 'a' and arm == 'base'").iloc[0]
    bar = attack_success.draw(given).axes[0].containers[0]
    [[left, right]] = [[point[0] for point in line] for line in bar.lines[2][0].get_segments()]
    assert (left, right) == (pytest.approx(1 - row.high), pytest.approx(1 - row.low))


def test_single_seeds_are_small_points_where_there_are_several():
    figure = attack_success.draw(results(*RUNS))
    small = [line for axes in figure.axes for line in axes.lines if line.get_markersize() < 3]
    # the run of two seeds, one of them all safe
    assert len(small) == 1
    assert sorted(small[0].get_xdata()) == pytest.approx(sorted([0.0, 1 - 1 / 3]))


def test_leak_and_escape_of_arms_that_write_traces():
    given = results(*RUNS)
    figure = leak_escape.draw(given)
    assert [text.get_text() for text in figure.legends[0].texts] == [*leak_escape.SERIES.values()]
    metrics = given.metrics
    expected = metrics[(metrics.model == "b") & (metrics.category == "all") & metrics.metric.isin(leak_escape.SERIES)]
    expected = expected[(expected.decoding == "thinking") & expected.value.notna()]
    assert sorted(rate for rate, _ in rates(figure.axes[1])) == pytest.approx(sorted(expected.value))
    assert "n of an arm" in figure.get_supxlabel()


def test_leak_and_escape_need_a_trace():
    without = results(*(run._replace(harmful=NO_TRACE) for run in RUNS))
    with pytest.raises(SafeLRMError, match="no arm writes traces"):
        leak_escape.draw(without)


def test_unscored_arms_are_left_out():
    given = results(*RUNS)
    numbers = given.metrics.copy()
    numbers.loc[numbers.arm == "rl-x", ["value", "low", "high"]] = math.nan
    left = attack_success.draw(Results({**given.tables, "metrics": numbers}, given.study))
    assert [arm for axes in left.axes for _, arm in rates(axes)] == ["base", "base"]

"""The figure of an ablation: three numbers against one factor, for arms that differ in it alone."""

import matplotlib.pyplot as plt
import pytest
from metrics_fixtures import ALL_SAFE, JUDGES, Run, frames, models
from pydantic import ValidationError

from safelrm.analysis.metrics import of_runs, of_seeds
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.settings import ComparisonSettings, FigureSettings
from safelrm.core.errors import SafeLRMError
from safelrm.reporting.factor import FactorSettings
from safelrm.reporting.plots import ablation
from safelrm.reporting.results import Results

MODELS = models(m=["default"])
SIZES = {"factor": "rows", "levels": [{"level": 60, "arm": "sft-small"}, {"level": 240.0, "arm": "sft-large"}]}


@pytest.fixture(scope="module")
def results() -> Results:
    """A base, and two arms with two seeds: one is safe in both, one in one of them."""
    runs = [
        Run("base"),
        *(Run("sft-small", seed, harmful=ALL_SAFE if seed == 2 else Run().harmful) for seed in (1, 2)),
        *(Run("sft-large", seed, harmful=ALL_SAFE, correct=4) for seed in (1, 2)),
    ]
    compared = ComparisonSettings(**JUDGES, models=MODELS)
    values = outcomes(*frames(*runs), compared)
    tables = {"metrics": of_runs(values, compared), "seeds": of_seeds(values)}
    return Results(tables, FigureSettings(models=MODELS, confidence=0.95))


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def values(axes: plt.Axes) -> list[tuple[float, float]]:
    """The points of the only series."""
    (series,) = axes.containers
    return list(zip(series.lines[0].get_xdata(), series.lines[0].get_ydata(), strict=True))


def test_each_number_stands_at_its_level_with_its_seeds_and_the_base(results):
    figure = ablation.draw(results, FactorSettings(**SIZES))
    safety, refusal, accuracy = figure.axes
    assert [axes.get_title() for axes in figure.axes] == [*ablation.TITLES.values()]
    # the unscored prompt is in no rate: one of three is safe, or all four are
    assert values(safety) == [(60, pytest.approx(5 / 7)), (240, pytest.approx(1.0))]
    assert values(accuracy) == [(60, pytest.approx(0.75)), (240, pytest.approx(1.0))]
    dots = [line for line in safety.lines if line.get_markersize() < 3 and line.get_marker() == "o"]
    assert sorted(y for line in dots for y in line.get_ydata()) == pytest.approx([1 / 3, 1, 1, 1])
    dashed = [line.get_ydata()[0] for line in safety.lines if line.get_linestyle() == "--"]
    assert dashed == pytest.approx([1 / 3])
    assert [text.get_text() for text in refusal.get_xticklabels()] == ["60", "240"]


def test_a_model_without_an_arm_of_the_levels_has_no_line():
    both = models(m=["default"], other=["default"])
    arms = ["base", "sft-small", "sft-large"]
    runs = [*map(Run, arms), Run("base", model="other"), Run("sft-else", model="other")]
    compared = ComparisonSettings(**JUDGES, models=both)
    made = outcomes(*frames(*runs), compared)
    results = Results(
        {"metrics": of_runs(made, compared), "seeds": of_seeds(made)}, FigureSettings(models=both, confidence=0.95)
    )
    figure = ablation.draw(results, FactorSettings(**SIZES))
    for axes in figure.axes:
        assert len(axes.containers) == 1
        assert [text.get_text() for text in axes.get_legend().get_texts()] == [axes.containers[0].get_label()]
        assert "other" not in axes.containers[0].get_label()


def test_the_line_below_says_n(results):
    said = ablation.draw(results, FactorSettings(**SIZES)).get_supxlabel()
    assert "“guard” on harmful_set" in said
    assert "n: harmful_set 210 to 240; benign_set 240; reasoning_set 240." in said


def test_names_stand_side_by_side(results):
    named = [{"level": "many", "arm": "sft-large"}, {"level": "few", "arm": "sft-small"}]
    safety = ablation.draw(results, FactorSettings(factor="rows", levels=named)).axes[0]
    assert values(safety) == [(0, pytest.approx(1.0)), (1, pytest.approx(5 / 7))]
    assert [text.get_text() for text in safety.get_xticklabels()] == ["many", "few"]


def test_rates_may_stand_on_a_logarithmic_scale(results):
    figure = ablation.draw(results, FactorSettings(**SIZES, logarithmic=True))
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    assert [x for x, _ in values(figure.axes[0])] == [60, 240]


def test_an_arm_that_the_study_lacks_is_named(results):
    levels = [*SIZES["levels"], {"level": 480, "arm": "sft-larger"}]
    with pytest.raises(SafeLRMError, match=r"no arms \['sft-larger'\]"):
        ablation.draw(results, FactorSettings(factor="rows", levels=levels))


@pytest.mark.parametrize(
    ("levels", "more", "said"),
    [
        ([1, 1.0], {}, "each may be given once"),
        (["a", "b"], {"logarithmic": True}, "numbers above 0"),
        ([0, 1], {"logarithmic": True}, "numbers above 0"),
        ([1], {}, "at least 2"),
    ],
)
def test_levels_that_make_no_axis_are_refused(levels, more, said):
    with pytest.raises(ValidationError, match=said):
        FactorSettings(factor="f", levels=[{"level": level, "arm": "sft-x"} for level in levels], **more)

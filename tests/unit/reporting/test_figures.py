"""The figures: what each draws of known numbers, what it says of judges, stable bytes, and valid captions."""

import importlib
import math
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import yaml
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined
from matplotlib.colors import to_hex
from metrics_fixtures import ALL_SAFE, HARMFUL, JUDGES, NO_TRACE, TIMES, Run, frames, models

from safelrm.analysis.differences import differences
from safelrm.analysis.metrics import of_runs, of_seeds
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.schemas import DIFFERENCES, METRICS, SEEDS
from safelrm.analysis.settings import ComparisonSettings, FigureSettings
from safelrm.core.errors import SafeLRMError
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study
from safelrm.reporting import figures
from safelrm.reporting.looks import LINES, looks_of
from safelrm.reporting.plots import sft_gain, tradeoff
from safelrm.reporting.results import Results
from safelrm.reporting.settings import FIGURES, TABLES
from safelrm.reporting.style import PURPLE
from workflow_runs import ROOT

MODELS = models(a=["default"], b=["thinking", "non_thinking"], plain=["default"])
SETTINGS = FigureSettings(models=MODELS, confidence=0.95, reference_model="plain")
WORSE = (("unsafe", "unsafe"),) * 4
RUNS = [
    Run("base", 0, "a"),
    Run("sft-x", 1, "a", harmful=ALL_SAFE),
    Run("sft-y", 1, "a", harmful=WORSE),
    Run("rl-x", 1, "a", harmful=ALL_SAFE),
    Run("base", 0, "b", "thinking"),
    Run("base", 0, "b", "non_thinking", harmful=NO_TRACE),
    Run("base", 0, "plain", harmful=NO_TRACE),
]


@pytest.fixture(scope="module")
def results() -> Results:
    compared = ComparisonSettings(**JUDGES, reference_model="plain", models=MODELS)
    return of_runs_of(compared, SETTINGS, *RUNS)


@pytest.fixture(scope="module")
def two_seeds() -> Results:
    """Two seeds of each run, one all safe, on two harmful benchmarks, of which the settings name one."""
    runs = [run._replace(seed=seed, **({"harmful": ALL_SAFE} if seed == 1 else {})) for run in RUNS for seed in (1, 2)]
    compared = ComparisonSettings(**JUDGES, models=MODELS)
    chosen = SETTINGS.model_copy(update={"safety_benchmark": "harmful_set"})
    two = of_runs_of(compared, chosen, *runs, times=15)
    other = two.seeds[two.seeds.metric == "safety"].assign(benchmark="other_set", value=0.5)
    return shown_with(two, chosen, seeds=pd.concat([two.seeds, other], ignore_index=True))


def of_runs_of(compared: ComparisonSettings, study: FigureSettings, *runs: Run, times: int = TIMES) -> Results:
    """The results of runs."""
    values = outcomes(*frames(*runs, times=times), compared)
    numbers = {"metrics": of_runs(values, compared), "seeds": of_seeds(values)}
    return Results({**numbers, "differences": differences(values, compared)}, study)


def shown_with(results: Results, study: FigureSettings = SETTINGS, **tables: pd.DataFrame) -> Results:
    """The results with other tables or another study."""
    return Results({**results.tables, **tables}, study)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def draw(name: str, results: Results) -> plt.Figure:
    return importlib.import_module(f"safelrm.reporting.plots.{name}").draw(results)


def legend(figure: plt.Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].texts]


def dots(axes: plt.Axes) -> list[tuple[float, float]]:
    return [(float(bar.lines[0].get_xdata()[0]), float(bar.lines[0].get_ydata()[0])) for bar in axes.containers]


def small_points(figure: plt.Figure) -> list[tuple[float, float]]:
    """Where the figure shows single seeds."""
    lines = [
        line for axes in figure.axes for line in axes.lines if line.get_markersize() < 3 and line.get_marker() == "o"
    ]
    return [dot for line in lines for dot in zip(line.get_xdata(), line.get_ydata(), strict=True)]


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_names_its_safety_judge_and_prompts(name, results):
    assert "“guard” on harmful_set" in draw(name, results).get_supxlabel()


def test_safety_gap_shows_every_base_on_its_answer(results):
    figure = draw("safety_gap", results)
    assert legend(figure) == ["a (reasoning)", "b (reasoning)", "plain (reference)"]
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["c0", "c1", "all prompts"]
    assert len(dots(axes)) == 9
    # over all prompts: two thirds of both that reason, three quarters of the reference
    lowest = sorted(dots(axes), key=lambda dot: dot[1])[-3:]
    assert [value for value, _ in lowest] == pytest.approx([2 / 3, 2 / 3, 3 / 4])


def test_trace_vs_answer_has_a_panel_per_reasoning_model(results):
    figure = draw("trace_vs_answer", results)
    assert [axes.get_title() for axes in figure.axes] == ["a", "b"]
    assert legend(figure) == ["trace t", "answer y", "both t+y", "plain, answer y"]
    lowest = sorted(dots(figure.axes[0]), key=lambda dot: dot[1])[-4:]
    assert [value for value, _ in lowest] == pytest.approx([3 / 4, 2 / 3, 1 / 3, 3 / 4])


def test_trace_vs_answer_needs_no_reference(results):
    alone = shown_with(results, SETTINGS.model_copy(update={"reference_model": None}))
    assert legend(draw("trace_vs_answer", alone)) == ["trace t", "answer y", "both t+y"]


def test_thinking_shows_the_modes_of_the_model_that_has_several(results):
    figure = draw("thinking", results)
    assert [axes.get_title() for axes in figure.axes] == ["b: decoding modes of the base"]
    assert legend(figure) == ["thinking, answer y", "thinking, both t+y", "non-thinking, answer y"]


def test_sft_gain_stacks_gains_and_shows_losses(results):
    bars = [patch for patch in sft_gain.draw(results).axes[0].patches if patch.get_width() > 0]
    gains = [bar for bar in bars if to_hex(bar.get_facecolor()) == PURPLE]
    losses = [bar for bar in bars if bar.get_hatch()]
    assert [(bar.get_x(), bar.get_width()) for bar in gains] == [pytest.approx((2 / 3, 1 / 3))]
    assert [(bar.get_x(), bar.get_width()) for bar in losses] == [pytest.approx((0, 2 / 3))]


def test_sft_gain_says_the_paired_difference(results):
    # the prompt that the base has no scored answer to counts for the arm's rate, and not for the difference
    said = {text.get_text() for text in sft_gain.draw(results).axes[0].texts}
    assert any(text.startswith("+0.33 [") for text in said)
    assert any(text.startswith("\N{MINUS SIGN}0.67 [") for text in said)


def test_tradeoff_has_a_panel_per_benchmark_and_a_point_per_arm(results):
    figure = tradeoff.draw(results)
    assert [axes.get_title() for axes in figure.axes] == ["reasoning_set", "benign_set"]
    assert all(len(axes.containers) == 6 for axes in figure.axes)
    assert {"base", "sft-x", "sft-y", "rl-x", "a", "b", "plain"} <= set(legend(figure))


def test_tradeoff_pairs_no_arm_with_other_prompts(results):
    """With two harmful benchmarks every arm is one point: its safety on the one that the settings name."""
    of_safety = results.metrics[results.metrics.metric == "safety"]
    other = of_safety.assign(benchmark="other_set", value=0.5)
    both = pd.concat([results.metrics, other], ignore_index=True)
    chosen = SETTINGS.model_copy(update={"safety_benchmark": "harmful_set"})
    alone, two = (dots(tradeoff.draw(one).axes[0]) for one in (results, shown_with(results, chosen, metrics=both)))
    assert alone == two
    with pytest.raises(SafeLRMError, match="safety_benchmark"):
        tradeoff.draw(shown_with(results, metrics=both))


def test_arms_with_interventions_look_like_none_of_the_others():
    arms = ["base", "base+x", "base+y", "sft-x", "sft-x+x", "rl-x", "rl-x+x"]
    looks = looks_of(arms, ["m"]).markers
    assert len({tuple(look.values()) for look in looks.values()}) == len(arms)
    assert looks["base"] == looks_of(["base"], ["m"]).markers["base"]


def test_an_unscored_arm_is_left_out_of_the_tradeoff(results):
    numbers = results.metrics.copy()
    lost = (numbers.metric == "safety") & (numbers.arm == "rl-x")
    numbers.loc[lost, ["value", "low", "high"]] = None
    assert len(tradeoff.draw(shown_with(results, metrics=numbers)).axes[0].containers) == 5


def of_arms(results: Results, shown: dict[str, tuple[float, float, float]], model: str = "a") -> Results:
    """The results with other values of a model's arms: of safety, accuracy and over-refusal."""
    numbers = results.metrics.copy()
    over_all = (numbers.model == model) & (numbers.category == "all")
    for arm, values in shown.items():
        for metric, value in zip(("safety", "accuracy", "over_refusal"), values, strict=True):
            numbers.loc[over_all & (numbers.arm == arm) & (numbers.metric == metric), ["value", "low", "high"]] = value
    return shown_with(results, metrics=numbers)


def fronts(axes: plt.Axes) -> list[plt.Line2D]:
    return [line for line in axes.lines if line.get_color() == LINES[0]["color"]]


def test_the_front_of_a_model_joins_the_arms_that_no_other_dominates(results):
    values = {"base": (0.1, 0.9, 0.0), "sft-x": (0.6, 0.8, 0.4), "sft-y": (0.5, 0.7, 0.5), "rl-x": (0.9, 0.3, 0.2)}
    accuracy, over_refusal = tradeoff.draw(of_arms(results, values)).axes
    (of_a, *others) = fronts(accuracy)
    assert [*zip(*of_a.get_data(), strict=True)] == [(0.3, 0.9), (0.8, 0.6), (0.9, 0.1)]
    (reached, *_) = fronts(over_refusal)
    # rl-x is safer than both SFT arms, and refuses less
    assert [*zip(*reached.get_data(), strict=True)] == [(0.0, 0.1), (0.2, 0.9)]
    # between two arms the worse of both: below the front of accuracy, below that of over-refusal
    assert (of_a.get_drawstyle(), reached.get_drawstyle()) == ("steps-pre", "steps-post")
    # models whose base is all they have get no line that is seen, and have a style of their own
    assert [len(line.get_xdata()) for line in others] == [1, 1]
    assert len({line.get_linestyle() for line in (of_a, *others)}) == 3


def test_arms_of_equal_values_are_on_the_front_together(results):
    same = dict.fromkeys(("base", "sft-x", "sft-y", "rl-x"), (0.5, 0.5, 0.5))
    assert [len(fronts(axes)[0].get_xdata()) for axes in tradeoff.draw(of_arms(results, same)).axes] == [4, 4]


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("safety_gap", {"reference_model": None}, "metrics.reference_model"),
        ("thinking", {"models": MODELS[:1]}, "several decoding modes"),
        ("sft_gain", {"models": MODELS[1:]}, "no base and SFT arm"),
        ("tradeoff", {"safety_benchmark": "elsewhere"}, "must be one of"),
    ],
)
def test_a_study_that_lacks_what_a_figure_shows_is_told(name, changes, said, results):
    with pytest.raises(SafeLRMError, match=said):
        draw(name, shown_with(results, SETTINGS.model_copy(update=changes)))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_survives_that_nothing_is_scored(name, results):
    numbers = results.metrics.assign(value=math.nan, low=math.nan, high=math.nan)
    nothing = {"seeds": results.seeds.assign(value=math.nan), "differences": results.differences.iloc[:0]}
    assert not any(axes.containers for axes in draw(name, shown_with(results, metrics=numbers, **nothing)).axes)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_shows_single_seeds_beside_the_mean(name, results, two_seeds):
    drawn, alone = (small_points(draw(name, one)) for one in (two_seeds, results))
    assert drawn and not alone
    assert not any(0.5 in dot for dot in drawn)


def test_many_models_all_appear():
    names = [f"m{index}" for index in range(8)]
    entries = models(**{name: ["default"] for name in names}, plain=["default"])
    compared = ComparisonSettings(**JUDGES, models=entries)
    runs = [*(Run(model=name, harmful=HARMFUL) for name in names), RUNS[-1]]
    shown = of_runs_of(compared, SETTINGS.model_copy(update={"models": entries}), *runs, times=10)
    assert len(legend(draw("safety_gap", shown))) == 9


def test_the_stage_writes_the_same_bytes_for_the_same_numbers(results, tmp_path, monkeypatch):
    METRICS.write(tmp_path / "metrics.parquet", results.metrics)
    SEEDS.write(tmp_path / "seeds.parquet", results.seeds)
    DIFFERENCES.write(tmp_path / "differences.parquet", results.differences)
    written = []
    for name in ("one", "two"):
        command = ["figures", "--module", "safelrm.reporting.plots.sft_gain", "--settings", SETTINGS.model_dump_json()]
        names = ("metrics", "seeds", "differences")
        command += ["--inputs", *(f"{table}:1" for table in names)]
        command += ["--files", *(tmp_path / f"{table}.parquet" for table in names)]
        for suffix in ("svg", "pdf", "png"):
            command += [f"--{suffix}", tmp_path / f"{name}.{suffix}"]
        monkeypatch.setattr("sys.argv", list(map(str, command)))
        figures.main()
        written.append([(tmp_path / f"{name}.{suffix}").read_bytes() for suffix in ("svg", "pdf", "png")])
    assert written[0] == written[1]
    # text as outlines: no font is needed to read the figure
    assert b"<text" not in written[0][0]


def rendered(file: str, rule: str, name: str) -> str:
    """A caption as the report shows it; broken markup or an unknown key raises."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["captions"] = Plan(load_study(config, "config.yaml")).captions()
    shown = SimpleNamespace(config=config, wildcards=SimpleNamespace(**{rule: name}))
    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    text = environment.from_string((ROOT / "workflow/report" / file).read_text()).render(snakemake=shown)
    return publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]


def test_every_figure_and_table_has_a_caption_of_its_own_that_names_the_judge():
    captions = {name: rendered("figure.rst", "figure", name) for name in FIGURES}
    captions |= {name: rendered("table.rst", "table", name) for name in TABLES}
    captions |= {name: rendered(f"{name}.rst", "rule", name) for name in ("differences", "calibration", "workflow")}
    assert len(set(captions.values())) == len(captions)
    # these show no safety
    without = {name for name, text in captions.items() if ">guard_b</" not in text}
    assert without == {"measures", "collapse"}
    assert ">exact</" in rendered("figure.rst", "figure", "tradeoff")


def test_a_figure_that_uses_what_it_does_not_declare_is_told(results):
    declared = {name: results.tables[name] for name in ("metrics", "seeds")}
    undeclared = Results(declared, SETTINGS, "my_plugin.my_plot")
    with pytest.raises(SafeLRMError) as caught:
        sft_gain.draw(undeclared)
    assert "my_plugin.my_plot: INPUTS: uses `differences`" in str(caught.value)
    assert "fix: add `differences` to INPUTS" in str(caught.value)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_draws_from_its_declared_inputs_alone(name, results):
    declared = importlib.import_module(f"safelrm.reporting.plots.{name}").INPUTS
    draw(name, Results({key: results.tables[key] for key in declared}, SETTINGS))

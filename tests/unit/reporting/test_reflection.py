"""The table and the figures of reflections and trajectories, from known readings."""

from io import BytesIO

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from metrics_fixtures import models
from scipy import stats

from safelrm.analysis.settings import FigureSettings
from safelrm.analysis.trajectory_schemas import REFLECTION, TRAJECTORIES
from safelrm.core.errors import SafeLRMError
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.plots import reflection as figure
from safelrm.reporting.plots import trajectory
from safelrm.reporting.reflection_numbers import reflection_numbers
from safelrm.reporting.results import Results
from safelrm.reporting.sheets import reflection as sheet
from safelrm.reporting.style import STYLE

STUDY = FigureSettings(models=models(b=["thinking", "plain"], a=["default"]), confidence=0.95)
RNG = np.random.default_rng(0)
PROMPTS, SENTENCES = 40, 4


def readings(model: str, arm: str, kind: str = "harmful", seed: int = 1, decoding: str = "default") -> pd.DataFrame:
    """Traces of four sentences. The second one reflects, and half of the traces turn to safety after it."""
    rows = []
    for prompt in range(PROMPTS):
        better = prompt % 2 == 0
        for place, p_safe in enumerate((0.2, 0.3, 0.9 if better else 0.3, 0.9 if better else 0.1), start=1):
            rows.append(
                {
                    **dict.fromkeys(("category", "guard"), "g"),
                    **{"model": model, "arm": arm, "seed": seed, "decoding": decoding, "benchmark": f"{kind}_set"},
                    **{"prompt_id": f"p{prompt:02}", "sample": 0, "kind": kind, "sentence": place},
                    "share": place / SENTENCES,
                    "p_safe": p_safe,
                    "change": None,
                    "turn": "safe" if better and place == 3 else None,
                    "reflection": place == 2,
                    "follows": ("safety" if better else "neither") if place == 2 else None,
                }
            )
    return pd.DataFrame(rows)[TRAJECTORIES.schema.names].astype({"change": float})


def measured(trajectories: pd.DataFrame) -> pd.DataFrame:
    """One reflection in every trace, and rates that vary."""
    traces = trajectories[[*ROLLOUT_KEY, "kind", "category"]].drop_duplicates()
    tables = [
        traces.assign(analysis="reflection", part="t", measure=name, value=values)
        for name, values in {
            "reflections": 1.0,
            "per_1000_tokens": RNG.uniform(20, 60, len(traces)),
            "position": 0.25,
            "reflections_safe": [1.0 if place % 2 else None for place in range(len(traces))],
        }.items()
    ]
    return pd.concat(tables, ignore_index=True)


TRAJECTORY_ROWS = pd.concat(
    [
        readings("a", "base"),
        readings("a", "rl-x", seed=1),
        readings("a", "rl-x", seed=2),
        readings("a", "base", kind="benign"),
        readings("b", "base", decoding="thinking"),
        readings("b", "base", decoding="plain"),
    ],
    ignore_index=True,
)
MEASURED = measured(TRAJECTORY_ROWS)


@pytest.fixture
def results() -> Results:
    return Results({"analyses.reflection": MEASURED, "trajectories": TRAJECTORY_ROWS}, STUDY)


def number(rows: pd.DataFrame, name: str, model: str = "a", arm: str = "base", kind: str = "harmful") -> pd.Series:
    found = rows[(rows.number == name) & (rows.model == model) & (rows.arm == arm) & (rows.kind == kind)]
    return found.iloc[0]


def test_the_rows_fit_their_table_in_the_order_of_the_study(results, tmp_path):
    rows = sheet.rows(results)
    REFLECTION.write_csv(tmp_path / "reflection.csv", rows)
    runs = rows[["model", "arm", "decoding", "kind"]].drop_duplicates().to_numpy().tolist()
    assert runs == [
        ["b", "base", "thinking", "harmful"],
        ["b", "base", "plain", "harmful"],
        ["a", "base", "default", "harmful"],
        ["a", "base", "default", "benign"],
        ["a", "rl-x", "default", "harmful"],
    ]


def test_numbers_and_their_intervals(results):
    rows = sheet.rows(results)
    after = number(rows, "followed_by_safety")
    # a t interval over prompts, by hand
    values = [1.0, 0.0] * (PROMPTS // 2)
    half = stats.t.ppf(0.975, PROMPTS - 1) * stats.sem(values)
    assert (after.n, after.missing, after.value) == (PROMPTS, 0, 0.5)
    assert (after.low, after.high) == pytest.approx((0.5 - half, 0.5 + half))
    assert number(rows, "followed_by_compliance").value == 0 and number(rows, "followed_by_neither").value == 0.5
    assert number(rows, "turning_points").value == 0.5
    rate = number(rows, "per_1000_tokens", arm="rl-x")
    chosen = MEASURED[(MEASURED.measure == "per_1000_tokens") & (MEASURED.arm == "rl-x")].value
    assert rate.n == 2 * PROMPTS and rate.value == pytest.approx(chosen.mean()) and rate.low < rate.value < rate.high
    safe = number(rows, "reflections_safe")
    assert (safe.n, safe.missing, safe.value) == (PROMPTS // 2, PROMPTS // 2, 1.0)


def test_what_was_not_read_is_counted_and_in_no_share():
    cut = TRAJECTORY_ROWS.copy()
    lost = (cut.prompt_id < "p10") & (cut.arm == "base")
    cut.loc[lost, ["p_safe", "follows", "turn"]] = None
    rows = reflection_numbers(MEASURED, cut, STUDY.models, 0.95)
    after, turns, unread = (number(rows, name) for name in ("followed_by_safety", "turning_points", "unread"))
    assert (after.n, after.missing) == (30, 10) and after.value == 0.5
    assert (turns.n, turns.missing, turns.value) == (30, 10, 0.5)
    assert (unread.n, unread.missing, unread.value) == (160, 0, 0.25)


def test_counts_are_not_below_zero_and_shares_within_bounds():
    rare = MEASURED.assign(value=[1.0 if place % 40 == 0 else 0.0 for place in range(len(MEASURED))])
    rows = reflection_numbers(rare, TRAJECTORY_ROWS, STUDY.models, 0.999)
    assert (rows.low.dropna() >= 0).all()
    assert (rows[rows.number.str.startswith("followed")].high.dropna() <= 1).all()


def test_the_table_for_readers(results):
    rows = sheet.rows(results)
    text = sheet.markdown(rows, results)
    assert "**Reflections**" in text and "**What follows, by g**" in text and "95 % intervals" in text
    assert "| a | base | default | harmful | 1.00 [1.00, 1.00] (40) |" in text
    # fewer than 30 traces are said to be safe
    assert "| (20) |" in text
    assert "0.50 [0.34, 0.66] (40)" in text


def bytes_of(draw, results: Results) -> bytes:
    with mpl.rc_context(STYLE):
        draw(results).savefig(file := BytesIO(), format="svg", metadata={"Date": None})
    plt.close("all")
    return file.getvalue()


@pytest.mark.parametrize("module", [figure, trajectory])
def test_a_figure_has_the_same_bytes_each_time(module, results):
    assert bytes_of(module.draw, results) == bytes_of(module.draw, results)


def test_the_figure_of_reflections_needs_no_colour(results):
    drawn = figure.draw(results)
    assert [axes.get_title() for axes in drawn.axes if axes.get_title()] == [
        *("b: how often", "what follows: harmful", "what follows: benign"),
        *("a: how often", "what follows: harmful", "what follows: benign"),
    ]
    patches = [patch for axes in drawn.axes for patch in axes.patches]
    assert all(red == green == blue for red, green, blue, _ in (patch.get_facecolor() for patch in patches))
    # base and rl-x of a, base of b in its first mode: three parts each; benign of the base of a
    assert len(patches) == 4 * 3
    counts = [text.get_text() for axes in drawn.axes for text in axes.texts]
    assert counts == ["40", "0", "40", "80", "40", "0"]
    plt.close("all")


def test_few_reflections_have_no_bar(results):
    few = TRAJECTORY_ROWS[TRAJECTORY_ROWS.prompt_id < "p20"]
    drawn = figure.draw(Results({"analyses.reflection": MEASURED, "trajectories": few}, STUDY))
    bars = [len(axes.patches) for axes in drawn.axes]
    assert sum(bars) == 3 and {text.get_text() for axes in drawn.axes for text in axes.texts} == {"20", "40", "0"}
    plt.close("all")


def test_trajectories_have_an_average_with_a_band_and_one_trace_of_each_arm(results):
    drawn = trajectory.draw(results)
    titles = [axes.get_title() for axes in drawn.axes]
    assert titles == ["b: harmful", "b: benign", "a: harmful", "a: benign"]
    panel = drawn.axes[titles.index("a: harmful")]
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["[40]", "[80]"]
    assert len(panel.collections) == 2
    base = panel.lines[1]
    assert base.get_xdata()[-1] == 1.0 and base.get_ydata()[-1] == pytest.approx(0.5)
    assert panel.texts[0].get_text() == "thin: harmful_set/p00, seed 1"
    # the arms differ without colour: in line style and marker
    averages = [line for line in panel.lines if line.get_linewidth() == 1.8]
    assert len({(line.get_linestyle(), line.get_marker()) for line in averages}) == 2
    # a model in its second mode is not shown, and a kind that it was not asked has an empty panel
    assert len(drawn.axes[0].collections) == 1 and not drawn.axes[1].collections
    plt.close("all")


def test_all_arms_differ_without_colour():
    looks = trajectory._looks([f"sft-{place}" for place in range(24)])
    assert len({(look.marker, look.line) for look in looks.values()}) == 24


def test_the_example_is_the_first_prompt_that_most_arms_answer_with_a_trace():
    rows = TRAJECTORY_ROWS[(TRAJECTORY_ROWS.model == "a") & (TRAJECTORY_ROWS.kind == "harmful")]
    # the first prompt has no trace of one arm
    rows = rows[(rows.prompt_id != "p00") | (rows.arm == "base")]
    prompt, example = trajectory.example_of(rows.sample(frac=1, random_state=0))
    assert prompt == "harmful_set/p01"
    assert example[["arm", "seed"]].drop_duplicates().sort_values("arm").to_numpy().tolist() == [
        ["base", 1],
        ["rl-x", 1],
    ]
    assert len(example) == 2 * SENTENCES


def test_a_study_without_a_value_is_told():
    unread = TRAJECTORY_ROWS.assign(p_safe=np.nan, turn=None, follows=None)
    with pytest.raises(SafeLRMError, match="no trace was read"):
        trajectory.draw(Results({"trajectories": unread}, STUDY))
    nothing = Results({"analyses.reflection": MEASURED.assign(value=np.nan), "trajectories": unread}, STUDY)
    with pytest.raises(SafeLRMError, match="no arm has a trace"):
        figure.draw(nothing)


def test_a_study_that_reads_none_shows_nothing():
    reads = StudyOutline(trajectories=True)
    both = StudyOutline(trajectories=True, analyses=("reflection",))
    assert trajectory.shown(reads) and not trajectory.shown(StudyOutline(analyses=("reflection",)))
    for module in (sheet, figure):
        assert module.shown(both) and not module.shown(reads) and not module.shown(StudyOutline())

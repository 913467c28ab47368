"""The reward-hacking monitor: what judges say of a policy at each probe, as a figure and as a table."""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from metrics_fixtures import models

from safelrm.analysis.settings import FigureSettings
from safelrm.core.errors import SafeLRMError
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.reporting.hacking import HackingSettings, at_probes
from safelrm.reporting.outline import ModelOutline, StudyOutline
from safelrm.reporting.plots import reward_hacking
from safelrm.reporting.results import Results
from safelrm.reporting.sheets import hacking
from safelrm.reporting.style import STYLE

STEPS = (0, 10, 20)
# P(safe) at each probe: the guard that rewards is won over, the other one hardly, the oracle not at all
SAID = {"guard_a": (0.2, 0.6, 1.0), "guard_b": (0.2, 0.2, 0.4), "oracle": (0.0, 0.0, 0.0)}
JUDGES = HackingSettings(reward="guard_a", evaluation="guard_b", oracle="oracle", refusal="help")
STUDY = FigureSettings(models=models(a=["default"], b=["thinking"]), confidence=0.95)


def probes(arm: str, seed: int, model: str = "a") -> pd.DataFrame:
    """Two answers to harmful prompts and two to benign ones at each step; traces vanish at the last one."""
    rows = [
        {
            **dict.fromkeys(ROLLOUT_KEY, "x"),
            **{"model": model, "arm": arm, "seed": seed, "benchmark": f"step{step:04d}", "sample": 0},
            "prompt_id": f"{kind}{number}",
            "kind": kind,
            "trace": None if step == STEPS[-1] else "one two",
            "parse_state": "truncated" if number else "ok",
        }
        for step in STEPS
        for kind in ("harmful", "benign")
        for number in range(2)
    ]
    return pd.DataFrame(rows)


def verdicts(rows: pd.DataFrame, shift: float = 0.0) -> pd.DataFrame:
    """What the judges say of them; the oracle cannot read the second harmful text."""
    found = []
    for row in rows.to_dict("records"):
        key = {name: row[name] for name in (*ROLLOUT_KEY, "kind")}
        place = STEPS.index(int(row["benchmark"].removeprefix("step")))
        for judge, said in SAID.items() if row["kind"] == "harmful" else ():
            p_unsafe = min(1.0, max(0.0, 1 - said[place] - (shift if judge == "guard_a" else 0)))
            more = {"verdict": "unsafe" if p_unsafe > 0.5 else "safe", "score": p_unsafe, "state": "scored"}
            if judge == "oracle" and row["prompt_id"] == "harmful1":
                more = {"verdict": "unscored", "score": None, "state": "undetermined"}
            found.append(key | {"judge": judge, "field": "safety", "part": "t+y", **more})
        if row["kind"] == "benign":
            verdict = "refusal" if place else "compliance"
            more = {"verdict": verdict, "score": None, "state": "scored"}
            found.append(key | {"judge": "help", "field": "refusal", "part": "y", **more})
    return pd.DataFrame(found)


@pytest.fixture(scope="module")
def results() -> Results:
    runs = [probes("rl-x", seed) for seed in (1, 2, 3)] + [probes("rl-x", 1, "b"), probes("sft-x", 1)]
    said = [verdicts(run, shift=-0.1 * seed) for seed, run in enumerate(runs)]
    return Results({"probes": pd.concat(runs), "probe_verdicts": pd.concat(said)}, STUDY)


def test_each_quantity_is_a_mean_over_its_answers():
    rows = probes("rl-x", 1)
    found = at_probes(rows, verdicts(rows), JUDGES)
    by_step = found.pivot_table(index="quantity", columns="step", values="value").round(6)
    assert by_step.loc["reward"].tolist() == [0.2, 0.6, 1.0]
    assert by_step.loc["evaluation"].tolist() == [0.2, 0.2, 0.4]
    assert by_step.loc["oracle"].tolist() == [0.0, 0.0, 0.0]
    assert by_step.loc["broken"].tolist() == [0.5, 0.5, 0.5]
    assert by_step.loc["refusals_benign"].tolist() == [0.0, 1.0, 1.0]
    assert by_step.loc["empty_traces"].tolist() == [0.0, 0.0, 1.0]
    assert by_step.loc["trace_words"].tolist() == [2.0, 2.0, 0.0]
    assert by_step.loc["cut"].tolist() == [0.5, 0.5, 0.5]
    counts = found[found.step == 0].set_index("quantity").n
    assert (counts["reward"], counts["oracle"], counts["broken"], counts["cut"]) == (2, 1, 2, 4)


def test_a_judge_of_verdicts_alone_is_taken_by_them():
    rows = probes("rl-x", 1)
    found = at_probes(rows, verdicts(rows).assign(score=None), JUDGES)
    assert found[found.quantity == "reward"].value.tolist() == [0.0, 1.0, 1.0]


def test_a_judge_that_has_not_judged_probes_is_named():
    rows = probes("rl-x", 1)
    with pytest.raises(SafeLRMError, match="`other` has not judged the probes"):
        at_probes(rows, verdicts(rows), JUDGES.model_copy(update={"oracle": "other"}))


def test_the_table_has_the_gaps_with_intervals_over_seeds(results):
    rows = hacking.rows(results, JUDGES)
    of_rl = rows[(rows.model == "a") & (rows.arm == "rl-x")].set_index("quantity")
    assert of_rl.loc["oracle", "change"] == 0
    assert of_rl.loc["evaluation", "change"] == pytest.approx(0.2)
    # the shifts of three seeds cancel out, but where P(safe) ends at 0
    changes = pd.Series([0.8, 0.9 - 0.1, 0.8 - 0.0])
    assert of_rl.loc["reward", "change"] == pytest.approx(changes.mean())
    assert of_rl.loc["gap to the other guard", "change"] == pytest.approx(changes.mean() - 0.2)
    assert of_rl.loc["gap to the oracle", "low"] <= changes.mean() <= of_rl.loc["gap to the oracle", "high"]
    assert rows[rows.model == "b"].low.isna().all()
    text = hacking.markdown(rows, results, JUDGES)
    assert "| a | rl-x | 3 | +0.80" in text and "| b | rl-x | 1 |" in text and "sft-x" in text


def test_the_figure_has_two_panels_for_each_arm_of_rl(results):
    with mpl.rc_context(STYLE):
        figure, again = (reward_hacking.draw(results, JUDGES) for _ in range(2))
    visible = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in visible if axes.get_title()] == ["a rl-x", "b rl-x"]
    assert len(visible) == 4
    # thin lines of three seeds and a thick one, of three judges
    assert len(visible[0].lines) == 3 * (3 + 1)
    labels = [text.get_text() for text in figure.legends[0].texts]
    assert {"guard that rewards", "other guard", "oracle", "broken", "benign refused"} <= {*labels}
    assert svg(figure) == svg(again)
    plt.close("all")


def svg(figure: plt.Figure) -> bytes:
    with mpl.rc_context(STYLE):
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def test_the_figure_is_shown_where_rl_is_monitored():
    outline = ModelOutline("a", frozenset({"rl"}), ("rl-x",), ("default",))
    assert reward_hacking.shown(StudyOutline(models=(outline,), monitored=("a",)))
    assert not reward_hacking.shown(StudyOutline(models=(outline,)))
    assert not hacking.shown(StudyOutline(models=(outline,)))

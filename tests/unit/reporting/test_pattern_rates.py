"""Rates of risky patterns in distillations, before and after their selections, as a table and as a figure."""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from metrics_fixtures import models

from safelrm.analysis.settings import FigureSettings
from safelrm.core.statistics import wilson
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.judging.pattern_flags import FLAGS, FLAGS_OF, INCONSISTENCY, LACK
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.pattern_rates import pattern_rates
from safelrm.reporting.plots import risky_patterns as figure
from safelrm.reporting.results import Results
from safelrm.reporting.sheets import risky_patterns as table
from safelrm.reporting.style import STYLE

STUDY = FigureSettings(models=models(a=["default"]), confidence=0.95)
PROMPTS = 40


def verdicts(judge: str, distillation: str, samples: int = 1, lacking: int = 20) -> pd.DataFrame:
    """Traces of the first prompts lack awareness, those of the last ten cannot be read; no other pattern is there."""
    rows = []
    for prompt in range(PROMPTS):
        for sample in range(samples):
            key = {**dict.fromkeys(ROLLOUT_KEY, "x"), "model": distillation, "judge": judge, "kind": "harmful"}
            key |= {"prompt_id": f"p{prompt:02}", "sample": sample, "score": None}
            for part, flags in FLAGS_OF.items():
                unread = part == "t" and prompt >= 30
                for flag in flags:
                    verdict = "present" if flag == LACK and prompt < lacking else "absent"
                    said = ("unscored", "undetermined") if unread else (verdict, "scored")
                    rows.append(
                        key | {"field": flag, "part": part} | dict(zip(("verdict", "state"), said, strict=True))
                    )
    return pd.DataFrame(rows)


def outcomes(selection: str, distillation: str, first: int) -> pd.DataFrame:
    """A selection that keeps the responses from some prompt on."""
    rows = [
        {"prompt_id": f"p{n:02}", "sample": 0, "outcome": "kept" if n >= first else "rejected"} for n in range(PROMPTS)
    ]
    return pd.DataFrame(rows).assign(selection=selection, distillation=distillation)


@pytest.fixture(scope="module")
def results() -> Results:
    said = [verdicts("truth", "own"), verdicts("learned", "own", lacking=0), verdicts("truth", "written", lacking=30)]
    chosen = [outcomes("aware", "own", 5), outcomes("few", "own", 15)]
    return Results({"pattern_verdicts": pd.concat(said), "selections": pd.concat(chosen)}, STUDY)


@pytest.fixture(scope="module")
def rates(results) -> pd.DataFrame:
    return table.rows(results)


def test_a_rate_is_of_what_is_scored_before_and_after_each_selection(rates):
    found = rates.set_index(["judge", "distillation", "samples", "flag"])
    assert len(rates) == len(FLAGS) * (3 + 3 + 1)
    before = found.loc[("truth", "own", "all", LACK)]
    assert (before.part, before.n, before.unscored) == ("t", 30, 10)
    assert before.value == pytest.approx(20 / 30)
    # one sample of each prompt: Wilson's interval
    assert (before.low, before.high) == pytest.approx(wilson(20, 30))
    assert (before.lowest, before.highest) == pytest.approx((20 / 40, 30 / 40))
    # 25 of the kept ones are scored, which are too few for a rate
    after = found.loc[("truth", "own", "aware", LACK)]
    assert (after.n, after.unscored) == (25, 10)
    assert pd.isna(after.value)
    both = found.loc[("truth", "own", "aware", INCONSISTENCY)]
    assert (both.part, both.n, both.value) == ("t+y", 35, 0.0)
    assert both.high > 0
    assert found.loc[("learned", "own", "all", LACK)].value == 0.0


def test_several_samples_of_a_prompt_do_not_make_an_interval_narrower():
    of_one, of_four = (
        pattern_rates(
            Results({"pattern_verdicts": verdicts("j", "own", n), "selections": outcomes("s", "o", 0)}, STUDY)
        )
        for n in (1, 4)
    )
    one, four = (rates[rates.flag == LACK].iloc[0] for rates in (of_one, of_four))
    assert (one.value, 4 * one.n) == (four.value, four.n)
    assert four.high - four.low == pytest.approx(one.high - one.low, rel=0.15)


def test_the_table_has_a_line_per_set_of_samples_and_judge(rates, results):
    text = table.markdown(rates, results)
    lines = [line.split(" | ")[:3] for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    assert [[cell.strip("| ") for cell in line] for line in lines] == [
        ["distillation", "samples", "judge"],
        *(["own", samples, "learned"] for samples in ("all", "aware", "few")),
        *(["own", samples, "truth"] for samples in ("all", "aware", "few")),
        ["written", "all", "truth"],
    ]
    assert "0.667 [0.49, 0.81] (10: 0.50 to 0.75)" in text


def test_the_figure_has_a_cell_per_rate_and_the_same_bytes_each_time(results):
    def drawn() -> bytes:
        buffer = io.BytesIO()
        with mpl.rc_context(STYLE):
            made = figure.draw(results)
            made.savefig(buffer, format="svg", metadata={"Date": None})
            texts.append([[text.get_text() for text in axes.texts] for axes in made.axes])
        plt.close(made)
        return buffer.getvalue()

    texts: list[list[list[str]]] = []
    assert drawn() == drawn()
    learned, truth = texts[0]
    # of four lines; the learned judge has not read what is written
    assert len(learned) == len(truth) == 4 * len(FLAGS)
    assert truth[: len(FLAGS)] == ["0.67", "0.00", "0.00", "0.00", "0.00", "0.00"]
    assert learned[-len(FLAGS) :] == ["-"] * len(FLAGS)


def test_both_are_shown_where_a_judge_of_patterns_reads_distillations():
    for module in (table, figure):
        assert not module.shown(StudyOutline())
        assert module.shown(StudyOutline(pattern_judges=("truth",)))

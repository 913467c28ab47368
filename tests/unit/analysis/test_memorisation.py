"""What Min-K% says of data sets: means, the test of membership, the table and the figure."""

import json
import sys
from io import BytesIO

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics_fixtures import models

from safelrm.analysis import memorisation as command
from safelrm.analysis.memorisation import memorisation
from safelrm.analysis.memorisation_schemas import MEMORISATION, MIN_K
from safelrm.analysis.memorisation_settings import MemorisationJobSettings, MemorisationSettings
from safelrm.analysis.settings import FigureSettings
from safelrm.core.errors import SafeLRMError
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.plots import min_k as figure
from safelrm.reporting.results import Results
from safelrm.reporting.sheets import min_k as sheet
from safelrm.reporting.style import STYLE

STUDY = FigureSettings(models=models(a=["default"], b=["default"]), confidence=0.95)
SETTINGS = MemorisationJobSettings(bootstrap_samples=200)
RNG = np.random.default_rng(0)


def texts(model: str, dataset: str, values, member: bool | None = None, k: int = 60) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": model,
            "dataset": dataset,
            "prompt_id": [f"p{place}" for place in range(len(values))],
            "kind": "harmful",
            "category": "any",
            "member": pd.Series([member] * len(values), dtype=object),
            "k": k,
            "main": k == 60,
            "tokens": 10,
            "value": np.asarray(values, dtype=float),
            "refused": None,
        }
    )


VALUES = pd.concat(
    [
        texts("a", "star", RNG.uniform(1, 2, 40)),
        texts("a", "seen", RNG.uniform(0, 1, 40), member=True),
        texts("a", "fresh", RNG.uniform(0.5, 1.5, 50), member=False),
        texts("b", "star", RNG.uniform(1, 2, 40)),
    ],
    ignore_index=True,
)
# a row that training would refuse
VALUES.loc[0, ["value", "tokens", "refused"]] = [None, 0, "too long"]
VALUES = pd.concat([VALUES, VALUES.assign(k=20, main=False, value=VALUES.value * 2)], ignore_index=True)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return memorisation(VALUES, SETTINGS)


@pytest.fixture
def shown(table) -> Results:
    return Results({"memorisation": table, "min_k": VALUES}, STUDY)


def row(table: pd.DataFrame, model: str, dataset: str, k: int = 60) -> pd.Series:
    return table[(table.model == model) & (table.dataset == dataset) & (table.k == k)].iloc[0]


def test_means_quantiles_and_counts(table):
    star, values = row(table, "a", "star"), VALUES[(VALUES.model == "a") & (VALUES.dataset == "star")]
    values = values[values.k == 60].value.dropna()
    assert (star.n, star.refused, star.tokens) == (39, 1, 10)
    assert star.value == pytest.approx(values.mean()) and star.p50 == pytest.approx(values.median())
    assert star.low < star.value < star.high
    assert star.p05 < star.p25 < star.p50 < star.p75 < star.p95
    assert len(table) == 8


def test_the_auroc_is_the_chance_that_a_member_is_more_familiar(table):
    known = VALUES[VALUES.k == 60]
    seen, fresh = known[known.dataset == "seen"].value, known[known.dataset == "fresh"].value
    wins = np.mean([one < other for one in seen for other in fresh])
    # it stands beside each data set of the base
    for dataset in ("star", "seen", "fresh"):
        found = row(table, "a", dataset)
        assert found.auroc == pytest.approx(wins)
        assert (found.members, found.others) == (40, 50)
        assert found.auroc_low < found.auroc < found.auroc_high
    assert row(table, "a", "seen").member is True


def test_what_is_not_known_is_never_guessed(table):
    unknown = table[table.model == "b"]
    assert unknown[["auroc", "auroc_low", "auroc_high", "members", "others", "member"]].isna().all(axis=None)


def test_few_texts_give_no_auroc():
    few = pd.concat([texts("a", "seen", [1.0] * 29, member=True), texts("a", "fresh", [2.0] * 40, member=False)])
    found = memorisation(few, SETTINGS)
    assert found.auroc.isna().all() and set(found.members) == {29}


def test_all_members_below_all_others_are_told_apart_for_certain():
    apart = pd.concat([texts("a", "seen", RNG.uniform(0, 1, 30), True), texts("a", "fresh", [2.0] * 30, False)])
    assert memorisation(apart, SETTINGS)[["auroc", "auroc_low", "auroc_high"]].eq(1.0).all(axis=None)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**31))
def test_the_interval_of_equal_sides_holds_chance_and_is_drawn_alike(seed):
    values = np.random.default_rng(seed).normal(5, 1, 60)
    equal = pd.concat([texts("a", "seen", values, True), texts("a", "fresh", values, False)], ignore_index=True)
    found = memorisation(equal, SETTINGS)
    assert found.auroc.eq(0.5).all()
    assert (found.auroc_low < 0.5).all() and (found.auroc_high > 0.5).all()
    assert found.equals(memorisation(equal, SETTINGS))


def test_the_stage_writes_its_table(tmp_path, monkeypatch, table):
    for model in ("a", "b"):
        MIN_K.write(tmp_path / f"{model}.parquet", VALUES[VALUES.model == model].reset_index(drop=True))
    paths = [str(tmp_path / f"{name}.parquet") for name in ("a", "b", "all")]
    given = ["--settings", json.dumps(SETTINGS.model_dump()), "--min-k", *paths[:2], "--output", paths[2]]
    monkeypatch.setattr(sys, "argv", ["memorisation", *given])
    command.main()
    read = MEMORISATION.read(paths[2])
    assert read.auroc.tolist() == pytest.approx(table.auroc.tolist(), nan_ok=True)


def test_the_table_says_what_is_not_known(shown):
    text = sheet.markdown(sheet.rows(shown), shown)
    assert "| b | 60 | not known | - | - |" in text
    assert "| star | not known | 39 + 1 refused | 10 |" in text
    assert "| seen | yes | 40 |" in text and "| fresh | no | 50 |" in text
    assert "95 % intervals" in text
    # data sets at the study's K alone, the test of membership at each
    assert "**a, K = 60**" in text and "K = 20" not in text and "| a | 20 | 0." in text


def test_the_figure_has_a_panel_per_base_and_the_same_bytes_each_time(shown):
    drawn = []
    for _ in range(2):
        with mpl.rc_context(STYLE):
            found = figure.draw(shown)
            found.savefig(file := BytesIO(), format="svg", metadata={"Date": None})
        drawn.append(file.getvalue())
    assert drawn[0] == drawn[1]
    assert [axes.get_title() for axes in found.axes] == ["a", "b"]
    assert [label.get_text() for label in found.axes[0].get_yticklabels()] == ["seen (40)", "fresh (50)", "star (39)"]
    # data sets are told apart by filling and hatching, without colour
    fillings = {text.get_text() for text in found.legends[0].texts}
    assert fillings == {"not known whether trained on", "trained on", "not trained on", "quartiles"}
    colours = [patch.get_facecolor() for axes in found.axes for patch in axes.patches]
    assert all(red == green == blue for red, green, blue, _ in colours)
    plt.close("all")


def test_a_study_without_a_value_is_told(shown):
    none = Results({"min_k": VALUES.assign(value=None, tokens=0)}, STUDY)
    with pytest.raises(SafeLRMError, match="no text has a value"):
        figure.draw(none)


def test_a_study_that_does_not_measure_it_shows_nothing():
    assert not sheet.shown(StudyOutline()) and not figure.shown(StudyOutline())
    assert sheet.shown(StudyOutline(memorised=True)) and figure.shown(StudyOutline(memorised=True))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"known": {"b": {"members": ["x"], "others": ["y"]}}}, "not among `models`"),
        ({"known": {"a": {"members": ["star"], "others": ["y"]}}}, "known.a: name each"),
        ({"datasets": ["star", "star"]}, "datasets: name each once"),
        ({"known": {"a": {"members": ["x"]}}}, "either `members` and `others`, or `module`"),
        ({"known": {"a": {"members": ["x"], "others": ["y"], "module": "a.b"}}}, "either `members` and `others`"),
        ({"known": {"a": {"module": "a.b"}}, "datasets": ["left_out"]}, "none `trained_on` or `left_out`"),
        ({"k": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        MemorisationSettings.model_validate({"datasets": ["star"], "models": ["a"]} | changes)

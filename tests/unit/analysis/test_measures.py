"""Means of trace analyses with their intervals, and the analysis of lengths."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics_fixtures import models
from rollout_fixtures import rollouts

from safelrm.analysis.analyse import analysis_table
from safelrm.analysis.measures import measures
from safelrm.analysis.schemas import MEASURES
from safelrm.analysis.settings import FigureSettings, MeasuresJobSettings
from safelrm.analysis.traces import lengths, states
from safelrm.core.trace import PARSE_STATES
from safelrm.dag.declarations import declared_measures
from safelrm.reporting.results import Results
from safelrm.reporting.sheets import measures as sheet

DECLARED = declared_measures("safelrm.analysis.traces.lengths")
SETTINGS = MeasuresJobSettings(analyses={"lengths": DECLARED}, confidence=0.95)
OPTIONAL = {name: measure.optional for name, measure in DECLARED.items()}


@pytest.fixture(scope="module")
def means() -> pd.DataFrame:
    rows = pd.concat([rollouts(), rollouts("rl-x", 1), rollouts("rl-x", 2)], ignore_index=True)
    found = lengths.analyse(rows, lengths.Settings(words=2))
    return measures(analysis_table(rows, found, "lengths", OPTIONAL, "module"), SETTINGS)


def row(means: pd.DataFrame, arm: str, measure: str) -> pd.Series:
    (found,) = means[(means.arm == arm) & (means.measure == measure)].itertuples()
    return found


def test_the_states_of_traces_are_shares_that_add_up():
    declared = declared_measures("safelrm.analysis.traces.states")
    assert tuple(declared) == PARSE_STATES
    rows = rollouts()
    rows.loc[rows.index[0], ["parse_state", "trace", "answer"]] = ["other_format", None, None]
    optional = {name: measure.optional for name, measure in declared.items()}
    found = analysis_table(rows, states.analyse(rows, states.Settings()), "states", optional, "module")
    assert found.groupby("prompt_id").value.sum().eq(1.0).all()
    assert found[found.measure == "other_format"].value.sum() == 1.0


def test_lengths_and_repetition_of_traces(means):
    assert row(means, "base", "trace_tokens").value == pytest.approx(13 / 4)
    assert row(means, "base", "answer_tokens").value == 1.0
    assert row(means, "base", "empty_trace").value == 0.25
    # all three bigrams of the first trace are distinct, and two of the seven of the second
    assert row(means, "base", "distinct_ngrams").value == pytest.approx((1 + 2 / 7) / 2)


def test_what_has_no_value_is_counted_apart(means):
    found = row(means, "rl-x", "distinct_ngrams")
    assert (found.n, found.missing, found.seeds) == (4, 4, 2)
    assert found.low <= found.value <= found.high
    assert (found.direction, found.unit) == ("higher", "share")


def test_a_measure_without_any_value_has_no_mean():
    rows = rollouts(texts=((None, "no"), ("a", "yes")))
    found = lengths.analyse(rows, lengths.Settings())
    table = measures(analysis_table(rows, found, "lengths", OPTIONAL, "module"), SETTINGS)
    empty = table[table.measure == "distinct_ngrams"].iloc[0]
    assert empty.n == 0 and pd.isna(empty.value) and pd.isna(empty.low)


def test_the_table_names_each_measure_with_its_unit_and_direction(means, tmp_path, monkeypatch):
    MEASURES.write(tmp_path / "measures.parquet", means)
    study = FigureSettings(models=models(m=["default"]), confidence=0.95)
    results = Results({"measures": MEASURES.read(tmp_path / "measures.parquet")}, study)
    # too few samples for a mean
    assert "| m | base | default | (4) |" in sheet.markdown(sheet.rows(results), results)
    monkeypatch.setattr(sheet, "LEAST", 1)
    text = sheet.markdown(sheet.rows(results), results)
    assert "| m | base | default | 1.000 [1.00, 1.00] |" in text
    assert "- lengths: empty_trace t: rollouts whose trace has no word (share; lower is better)\n" in text
    assert "- lengths: trace_tokens t: tokens of the trace (tokens)\n" in text


@given(st.lists(st.sampled_from("ab")), st.integers(1, 5))
def test_a_share_of_distinct_ngrams_is_a_share(words, size):
    share = lengths.distinct_ngrams(" ".join(words), size)
    if len(words) < size:
        assert share is None
    else:
        assert 0 < share <= 1
        assert (share == 1) == (
            len({tuple(words[at : at + size]) for at in range(len(words) - size + 1)}) == len(words) - size + 1
        )


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text("ab ", max_size=12), min_size=1, max_size=6))
def test_every_rollout_gets_one_value_of_each_measure(traces):
    rows = rollouts(texts=tuple((trace or None, "yes") for trace in traces))
    found = lengths.analyse(rows, lengths.Settings(words=2))
    table = analysis_table(rows, found, "lengths", OPTIONAL, "module")
    assert table.groupby("measure").size().to_dict() == dict.fromkeys(DECLARED, len(traces))

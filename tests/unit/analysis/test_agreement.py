"""Agreement of coders: its intervals are over prompts, and what is not defined is missing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelrm.analysis.agreement import Coded, Measured, Resampling, agreement, by_verdict
from safelrm.core.statistics import cohen_kappa, wilson

RESAMPLING = Resampling(samples=100, confidence=0.95, seed=1)
# enough completions that rates are claimed
many = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=30, max_size=40)


def coded(labels: list[tuple[int, ...]], prompts: list[int] | None = None, size: int = 3) -> Coded:
    return Coded(np.array(labels), np.array(prompts or range(len(labels))), size)


def measured(labels: list[tuple[int, ...]], prompts: list[int] | None = None) -> dict[str, Measured]:
    """Of the first two coders."""
    return {one.measure: one for one in agreement(coded(labels, prompts), [(0, 1)], RESAMPLING)}


@given(many)
@settings(deadline=None, max_examples=25)
def test_numbers_are_those_of_the_pairs(labels):
    found = measured(labels)
    assert found["agreement"].agreed == sum(a == b for a, b in labels)
    assert found["agreement"].value == found["agreement"].agreed / len(labels)
    assert found["kappa"].value == cohen_kappa(*zip(*labels, strict=True))
    for one in found.values():
        assert (one.n, one.prompts) == (len(labels), len(labels))
        assert one.low is None or -1 <= one.low <= one.high <= 1


def test_completions_that_repeat_their_prompts_tell_nothing_more():
    labels = [(number % 3, number % 2) for number in range(36)]
    once, thrice = measured(labels), measured(labels * 3, [*range(36)] * 3)
    for measure in ("agreement", "kappa"):
        assert (once[measure].low, once[measure].high) == (thrice[measure].low, thrice[measure].high)
    assert (thrice["agreement"].n, thrice["agreement"].prompts) == (108, 36)
    # as prompts of their own they would narrow the interval
    apart = measured(labels * 3)["agreement"]
    assert apart.high - apart.low < once["agreement"].high - once["agreement"].low


def test_the_same_seed_gives_the_same_interval_in_any_chunks(monkeypatch):
    labels = [(number % 3, number % 2) for number in range(36)]
    first = measured(labels)
    assert first == measured(labels)
    monkeypatch.setattr("safelrm.analysis.bootstrap._CHUNK_CELLS", 36 * 7)
    assert first == measured(labels)


def test_all_the_same_label_has_no_kappa_and_no_alpha():
    found = measured([(1, 1)] * 30)
    assert (found["kappa"].value, found["alpha"].value) == (None, None)
    # a bootstrap of the agreement would have no width
    assert (found["agreement"].low, found["agreement"].high) == pytest.approx(wilson(30, 30))


def test_perfect_agreement_of_several_labels_is_1_without_an_interval():
    found = measured([(number % 3,) * 2 for number in range(30)])
    assert [found[name].value for name in ("kappa", "alpha")] == [1, 1]
    assert [found[name].low for name in ("kappa", "alpha")] == [None, None]


@pytest.mark.parametrize("labels", [[(0, 1)] * 29, [(-1, 1)] * 40, [(-1, -1)]])
def test_under_30_completions_nothing_is_claimed(labels):
    found = measured(labels)
    assert all(one.value is None and one.low is None for one in found.values())
    assert found["agreement"].n == sum(-1 not in label for label in labels)


def test_annotators_may_leave_texts_out():
    # of three coders each leaves out every third text: every text has one pair
    labels = [tuple(-1 if coder == text % 3 else text % 2 for coder in range(3)) for text in range(60)]
    found = agreement(coded(labels), [(0, 1), (0, 2), (1, 2)], RESAMPLING)
    assert [(one.n, one.value) for one in found] == [(60, 1), (60, 1), (60, 1)]
    assert found[0].pairs == 60


@given(many)
@settings(deadline=None, max_examples=25)
def test_a_verdict_is_found_and_left_out_as_often_as_counted(labels):
    for one in by_verdict(coded(labels), ["0", "1", "2"], RESAMPLING):
        is_true = [(true == int(one.of)) == (one.measure == "sensitivity") for true, _ in labels]
        says_so = [(said == int(one.of)) == (one.measure == "sensitivity") for _, said in labels]
        assert one.n == one.pairs == sum(is_true)
        assert one.agreed == sum(a and b for a, b in zip(is_true, says_so, strict=True))
        assert one.value == (one.agreed / one.n if one.n >= 30 else None)

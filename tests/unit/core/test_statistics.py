"""Intervals and tests, against closed forms, brute force and their own invariants."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelrm.core.statistics import auroc, cohen_kappa, expected_calibration_error, holm, mcnemar, wilson

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
outcomes = st.lists(st.booleans(), min_size=1, max_size=40)


def test_nothing_in_nothing_out():
    assert wilson(0, 0) is None
    assert mcnemar([], []) is None
    assert cohen_kappa([], []) is None
    assert auroc([], []) is None
    assert expected_calibration_error([], []) is None


@given(counts)
def test_wilson_is_the_score_interval(count):
    successes, trials = count
    z, rate = 1.959963984540054, successes / trials
    centre = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    interval = wilson(successes, trials)
    assert interval == pytest.approx((centre - half, centre + half), abs=1e-9)
    assert 0 <= interval.low <= rate <= interval.high <= 1


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_mcnemar_is_a_sign_test_on_discordant_pairs(pairs):
    result = mcnemar([one for one, _ in pairs], [other for _, other in pairs])
    b, c = sum(o and not p for o, p in pairs), sum(p and not o for o, p in pairs)
    tail = sum(math.comb(b + c, i) for i in range(min(b, c) + 1)) / 2 ** (b + c)
    assert (result.pairs, result.only_first, result.only_second) == (len(pairs), b, c)
    assert result.p_value == pytest.approx(min(1.0, 2 * tail))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=40))
def test_kappa_is_symmetric_and_at_most_one(pairs):
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    kappa = cohen_kappa(first, second)
    assert kappa == cohen_kappa(second, first)
    if kappa is not None:
        assert -1 <= kappa <= 1
        assert (kappa == 1) == (first == second)
    else:
        assert len({*first, *second}) == 1


def test_kappa_of_a_worked_example():
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed .7, by chance .5
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen_kappa([a for a, _ in pairs], [b for _, b in pairs]) == pytest.approx(0.4)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=25))
def test_auroc_is_the_share_of_ordered_pairs(rows):
    high, low = [s for s, positive in rows if positive], [s for s, positive in rows if not positive]
    area = auroc([s for s, _ in rows], [positive for _, positive in rows])
    if not high or not low:
        assert area is None
        return
    wins = sum((a > b) + (a == b) / 2 for a, b in itertools.product(high, low))
    assert area == pytest.approx(wins / (len(high) * len(low)))


@given(outcomes)
def test_certain_and_right_is_calibrated_and_wrong_is_not(truth):
    assert expected_calibration_error([float(value) for value in truth], truth) == 0
    assert expected_calibration_error([float(not value) for value in truth], truth) == 1


def test_calibration_error_weighs_bins_by_count():
    # three at .9 of which two hold (gap .7/3 each), one at .1 that does not hold (gap .1)
    error = expected_calibration_error([0.9, 0.9, 0.9, 0.1], [True, True, False, False])
    assert error == pytest.approx((0.7 + 0.1) / 4)


def test_holm_of_a_worked_example():
    # of four tests: 4 * .005, 3 * .01, 2 * .03, and the last is no less than the one before
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    with pytest.raises(ValueError, match="outside"):
        holm([0.5, math.nan])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_raises_each_p_keeps_their_order_and_is_no_stricter_than_bonferroni(p_values):
    corrected = holm(p_values)
    assert all(
        before <= after <= min(1.0, before * len(p_values)) for before, after in zip(p_values, corrected, strict=True)
    )
    by_p = [after for _, after in sorted(zip(p_values, corrected, strict=True))]
    assert by_p == sorted(by_p)
    assert corrected[p_values.index(min(p_values))] == min(1.0, min(p_values) * len(p_values))


def test_unequal_lengths_are_refused():
    for call in (
        lambda: mcnemar([True], [True, False]),
        lambda: cohen_kappa(["a"], []),
        lambda: auroc([0.1], [True, False]),
        lambda: expected_calibration_error([0.1], [True, False]),
    ):
        with pytest.raises(ValueError, match="differ in length"):
            call()

"""Intervals and tests, against closed forms, brute force and their own invariants."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelrm.core.statistics import (
    Observations,
    auroc,
    bootstrap_difference,
    bootstrap_interval,
    cohen_kappa,
    expected_calibration_error,
    mcnemar,
    wilson,
)

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
outcomes = st.lists(st.booleans(), min_size=1, max_size=40)


def test_nothing_in_nothing_out():
    empty = Observations([], [], [])
    assert wilson(0, 0) is None
    assert bootstrap_interval([], prompts=[], seeds=[]) is None
    assert bootstrap_difference(empty, empty, paired=True) is None
    assert bootstrap_difference(empty, Observations([1.0], ["a"], [0]), paired=False) is None
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


def test_bootstrap_of_one_seed_is_close_to_the_standard_error():
    values = np.random.default_rng(3).normal(size=400)
    interval = bootstrap_interval(values, prompts=[str(i) for i in range(400)], seeds=[0] * 400, samples=4000)
    expected = 1.96 * values.std() / math.sqrt(400)
    assert interval.high - values.mean() == pytest.approx(expected, rel=0.1)
    assert values.mean() - interval.low == pytest.approx(expected, rel=0.1)


def test_seeds_are_clusters():
    """Two seeds that disagree wholly: the mean of another pair of seeds may be 0 or 1."""
    prompts = [str(i) for i in range(50)] * 2
    seeds = [0] * 50 + [1] * 50
    interval = bootstrap_interval([0.0] * 50 + [1.0] * 50, prompts=prompts, seeds=seeds)
    assert interval == (0.0, 1.0)


def test_bootstrap_covers_the_true_mean_about_as_often_as_it_says():
    generator = np.random.default_rng(0)
    prompts, seeds = [str(i) for i in range(60) for _ in range(4)], [0, 1, 2, 3] * 60
    hits = 0
    for trial in range(200):
        noise = generator.normal(size=(60, 1)) + generator.normal(scale=0.1, size=(1, 4))
        values = (noise + generator.normal(size=(60, 4))).ravel()
        interval = bootstrap_interval(values, prompts=prompts, seeds=seeds, samples=200, seed=trial)
        hits += interval.low <= 0 <= interval.high
    assert hits >= 180


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.integers(0, 3), st.randoms())
@settings(max_examples=40, deadline=None)
def test_bootstrap_is_deterministic_ordered_and_bounded(values, seeds, random):
    prompts = [str(index // 2) for index in range(len(values))]
    of = [index % (seeds + 1) for index in range(len(values))]
    interval = bootstrap_interval(values, prompts=prompts, seeds=of, samples=50, seed=1)
    assert interval == bootstrap_interval(values, prompts=prompts, seeds=of, samples=50, seed=1)
    assert min(values) - 1e-9 <= interval.low <= interval.high <= max(values) + 1e-9
    # the order of the rows is not information
    order = list(range(len(values)))
    random.shuffle(order)
    shuffled = bootstrap_interval(
        [values[i] for i in order],
        prompts=[prompts[i] for i in order],
        seeds=[of[i] for i in order],
        samples=50,
        seed=1,
    )
    assert shuffled == pytest.approx(interval, abs=1e-9)


def test_chunks_do_not_lose_resamples(monkeypatch):
    monkeypatch.setattr("safelrm.core.statistics._CHUNK_CELLS", 30)
    values = [0.0, 1.0] * 5
    interval = bootstrap_interval(values, prompts=[str(i) for i in range(10)], seeds=[0] * 10, samples=1000)
    assert interval.low < 0.5 < interval.high


def test_pairing_removes_what_the_arms_share():
    """Prompts of very different difficulty, and one arm always better by 0.1."""
    difficulty = np.linspace(0, 10, 50)
    prompts = [str(i) for i in range(50)]
    better, worse = Observations(difficulty + 0.1, prompts, [0] * 50), Observations(difficulty, prompts, [0] * 50)
    paired = bootstrap_difference(better, worse, paired=True)
    unpaired = bootstrap_difference(better, worse, paired=False)
    assert paired.interval == pytest.approx((0.1, 0.1))
    assert unpaired.interval.low < 0 < unpaired.interval.high
    assert paired.value == pytest.approx(0.1) and paired.prompts == 50


def test_paired_difference_is_over_shared_prompts_only():
    first = Observations([1.0, 1.0, 0.0], ["a", "b", "only here"], [0, 0, 0])
    second = Observations([0.0, 0.0, 0.0, 1.0], ["a", "b", "a", "only there"], [0, 0, 1, 0])
    difference = bootstrap_difference(first, second, paired=True, samples=100)
    assert (difference.value, difference.prompts) == (1.0, 2)
    assert bootstrap_difference(first, Observations([1.0], ["z"], [0]), paired=True) is None
    assert bootstrap_difference(first, Observations([1.0], ["z"], [0]), paired=False).prompts == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="unscored"):
        bootstrap_interval([value], prompts=["a"], seeds=[0])


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


def test_unequal_lengths_are_refused():
    for call in (
        lambda: Observations([1.0], ["a", "b"], [0]),
        lambda: mcnemar([True], [True, False]),
        lambda: cohen_kappa(["a"], []),
        lambda: auroc([0.1], [True, False]),
        lambda: expected_calibration_error([0.1], [True, False]),
    ):
        with pytest.raises(ValueError, match="differ in length"):
            call()

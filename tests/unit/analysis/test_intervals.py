"""Means and paired differences with t intervals over prompts and seeds, against closed forms and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from safelrm.analysis.intervals import Difference, Observations, mean_of, paired_difference


def crossed(values: np.ndarray) -> Observations:
    """Observations of an array of shape (prompts, seeds)."""
    prompts, seeds = values.shape
    return Observations(
        values.ravel().tolist(), [str(p) for p in range(prompts) for _ in range(seeds)], [*range(seeds)] * prompts
    )


def test_nothing_in_nothing_out():
    empty, one = Observations([], [], []), Observations([1.0], ["a"], [0])
    assert mean_of(empty) is None
    assert paired_difference(empty, empty) is None
    assert paired_difference(empty, one) is None


def test_one_prompt_says_nothing_about_others():
    mean = mean_of(Observations([1.0, 0.0], ["a", "a"], [0, 1]))
    assert (mean.value, mean.interval(0.95), mean.p_value(), mean.detectable(0.95)) == (0.5, None, None, None)


def test_one_seed_gives_the_interval_of_a_sample_mean():
    values = np.random.default_rng(3).normal(size=(40, 1))
    expected = stats.t.interval(0.95, 39, values.mean(), stats.sem(values.ravel()))
    assert mean_of(crossed(values)).interval(0.95) == pytest.approx(expected)


def test_seeds_that_disagree_wholly_leave_one_degree_of_freedom():
    """All values of a seed are alike: there are two outcomes, not a hundred."""
    mean = mean_of(crossed(np.tile([0.0, 1.0], (50, 1))))
    assert (mean.error, mean.freedom) == pytest.approx((0.5, 1.0))
    assert mean.interval(0.95, (0.0, 1.0)) == (0.0, 1.0)


def test_the_degrees_of_freedom_lie_between_those_of_seeds_and_of_prompts():
    generator = np.random.default_rng(4)
    seeds = generator.normal(size=3)
    for scale in (0.0, 0.1, 1.0, 10.0):
        mean = mean_of(crossed(generator.normal(size=(60, 3)) + scale * seeds))
        assert 2 <= mean.freedom <= 61


def covered(generator: np.random.Generator, seed_scale: float, trials: int = 1000) -> float:
    """How often the interval of three seeds and 60 prompts holds the mean over all seeds and prompts, 0."""
    hits = 0
    for _ in range(trials):
        values = generator.normal(size=(60, 1)) + seed_scale * generator.normal(size=(1, 3))
        interval = mean_of(crossed(values + generator.normal(size=(60, 3)))).interval(0.95)
        hits += interval.low <= 0 <= interval.high
    return hits / trials


@pytest.mark.parametrize("seed_scale", [0.0, 0.1, 0.3, 1.0])
def test_intervals_of_three_seeds_hold_the_mean_as_often_as_they_say(seed_scale):
    # of 95 %; the share found in 1,000 studies is within .02 of the true one
    assert covered(np.random.default_rng(7), seed_scale) >= 0.92


def rates(generator: np.random.Generator, seed_scale: float, trials: int = 100) -> float:
    """How often the intervals of a difference of two arms' rates, three seeds each, hold the true difference, 0."""
    hits = 0
    for _ in range(trials):
        prompts = generator.normal(size=(80, 1))
        sides = [prompts + seed_scale * generator.normal(size=(1, 3)) for _ in range(2)]
        drawn = [crossed((side + generator.normal(size=(80, 3)) > 0).astype(float)) for side in sides]
        low, high = paired_difference(*drawn).of_rates(0.95)[0]
        hits += low <= 0 <= high
    return hits / trials


@pytest.mark.parametrize("seed_scale", [0.0, 0.2, 1.0])
def test_intervals_of_differences_hold_the_difference_as_often_as_they_say(seed_scale):
    assert rates(np.random.default_rng(8), seed_scale) >= 0.92


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=30), st.integers(0, 3), st.randoms())
@settings(max_examples=40, deadline=None)
def test_an_interval_is_ordered_within_bounds_and_blind_to_the_order_of_rows(values, seeds, random):
    rows = [(value, str(index // 2), index % (seeds + 1)) for index, value in enumerate(values)]
    mean = mean_of(Observations(*map(list, zip(*rows, strict=True))))
    interval = mean.interval(0.95, (-5.0, 5.0))
    if interval is not None:
        assert -5 <= interval.low <= mean.value + 1e-9 and mean.value - 1e-9 <= interval.high <= 5
    random.shuffle(rows)
    shuffled = mean_of(Observations(*map(list, zip(*rows, strict=True))))
    assert shuffled.value == pytest.approx(mean.value, abs=1e-9)
    assert (shuffled.error is None) == (mean.error is None)
    if mean.error is not None:
        assert shuffled.error == pytest.approx(mean.error, abs=1e-9)


def test_pairing_removes_what_the_sides_share():
    """Prompts of very different difficulty, and one side better by about 0.1."""
    difficulty = np.linspace(0, 10, 50)[:, None]
    gains = 0.1 + 0.01 * np.random.default_rng(1).normal(size=(50, 1))
    found = paired_difference(crossed(difficulty + gains), crossed(difficulty))
    assert found.interval(0.95) == pytest.approx(stats.t.interval(0.95, 49, gains.mean(), stats.sem(gains.ravel())))
    assert found.p_value() == pytest.approx(stats.ttest_1samp(gains.ravel(), 0).pvalue)
    assert (found.first - found.second, found.prompts) == pytest.approx((found.value, 50))


def test_a_difference_is_over_shared_prompts_only():
    first = Observations([1.0, 1.0, 0.0], ["a", "b", "only here"], [0, 0, 0])
    second = Observations([0.0, 0.0, 0.0, 1.0], ["a", "b", "a", "only there"], [0, 0, 1, 0])
    difference = paired_difference(first, second)
    assert (difference.value, difference.prompts) == (1.0, 2)
    assert paired_difference(first, Observations([1.0], ["z"], [0])) is None


def test_seeds_are_paired_only_for_the_same_runs():
    """One run good at everything and one bad, each about 0.1 better in the first mode."""
    levels = np.tile([0.1, 0.8], (30, 1)) + 0.01 * np.random.default_rng(2).normal(size=(30, 2))
    first, second = crossed(levels + 0.1), crossed(levels)
    together, apart = (paired_difference(first, second, same_runs=same) for same in (True, False))
    assert together.value == apart.value == pytest.approx(0.1)
    assert together.error < 1e-9 and apart.error == pytest.approx(0.7 / math.sqrt(2), rel=0.05)


def test_the_same_runs_are_those_that_both_sides_have():
    first = Observations([1.0, 0.0], ["a", "a"], [1, 2])
    second = Observations([0.0, 0.0], ["a", "a"], [1, 3])
    assert paired_difference(first, second, same_runs=True).value == 1.0
    assert paired_difference(first, Observations([0.0], ["a"], [3]), same_runs=True) is None


def test_rates_that_never_differ_claim_no_certainty():
    """Of n prompts without an event, Wilson's interval reaches to z²/(n + z²)."""
    same = crossed(np.ones((50, 3)))
    interval, p_value = paired_difference(same, same).of_rates(0.95)
    reach = 1.959964**2 / (50 + 1.959964**2)
    assert (interval, p_value) == (pytest.approx((-reach, reach), abs=1e-5), 1.0)
    interval, p_value = paired_difference(same, crossed(np.zeros((50, 3)))).of_rates(0.95)
    assert interval == pytest.approx((1 - reach, 1.0), abs=1e-5) and p_value == 2 * 0.5**50


def test_the_detectable_difference_is_found_as_often_as_said():
    """A paired t test of 30 prompts: 2.05 + 0.85 standard errors; by simulation it finds that in 80 % of all cases."""
    error = 1 / math.sqrt(30)
    detectable = Difference(0.0, error, 29.0, 30, first=0.0, second=0.0).detectable(0.95)
    assert detectable == pytest.approx((2.0452 + 0.8542) * error, abs=1e-3)
    shifted = np.random.default_rng(5).normal(detectable, 1.0, size=(2000, 30))
    assert (stats.ttest_1samp(shifted, 0, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.03)


values = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from("abcd"), st.integers(0, 2)), min_size=1, max_size=20
).map(lambda rows: Observations(*map(list, zip(*rows, strict=True))))


@given(values, values, st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_difference_turns_its_sign_with_its_sides(one, other, same_runs):
    forth = paired_difference(one, other, same_runs=same_runs)
    back = paired_difference(other, one, same_runs=same_runs)
    assert (forth is None) == (back is None)
    if forth is not None:
        assert (forth.value, forth.prompts) == (pytest.approx(-back.value), back.prompts)
        (interval, p_value), (opposite, same) = forth.of_rates(0.95), back.of_rates(0.95)
        assert p_value == pytest.approx(same) if p_value is not None else same is None
        if interval is not None:
            assert -1 <= interval.low <= interval.high <= 1
            assert interval == pytest.approx((-opposite.high, -opposite.low))


def test_lists_of_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        Observations([1.0], ["a", "b"], [0])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="unscored"):
        Observations([value], ["a"], [0])

"""Bootstrap intervals over prompts and seeds, against closed forms and their own invariants."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelrm.analysis.bootstrap import Observations, bootstrap_interval, paired_difference


def test_nothing_in_nothing_out():
    empty, one = Observations([], [], []), Observations([1.0], ["a"], [0])
    assert bootstrap_interval([], prompts=[], seeds=[]) is None
    assert paired_difference(empty, empty) is None
    assert paired_difference(empty, one) is None


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


def coverage_of_two_seeds(generator, *, seed_scale: float, prompt_scale: float, trials: int = 300) -> float:
    """How often the interval from two seeds and 40 prompts holds the mean over all seeds and prompts, 0."""
    prompts, seeds = [str(i) for i in range(40) for _ in range(2)], [0, 1] * 40
    hits = 0
    for trial in range(trials):
        values = generator.normal(scale=prompt_scale, size=(40, 1)) + generator.normal(scale=seed_scale, size=(1, 2))
        interval = bootstrap_interval(values.ravel(), prompts=prompts, seeds=seeds, samples=200, seed=trial)
        hits += interval.low <= 0 <= interval.high
    return hits / trials


def test_two_seeds_that_differ_more_than_prompts_cover_half_of_the_time():
    """What the module's docstring warns of: the expectation lies between two values every other time."""
    covered = coverage_of_two_seeds(np.random.default_rng(1), seed_scale=1.0, prompt_scale=0.01)
    assert covered == pytest.approx(0.5, abs=0.1)


def test_two_seeds_that_differ_less_than_prompts_cover_as_often_as_said():
    covered = coverage_of_two_seeds(np.random.default_rng(2), seed_scale=0.01, prompt_scale=1.0)
    assert covered == pytest.approx(0.95, abs=0.04)


def test_the_interval_of_two_seeds_shows_that_they_disagree():
    """Seeds at .2 and .8: the interval reaches from about one to about the other."""
    prompts, seeds = [str(i) for i in range(100)] * 2, [0] * 100 + [1] * 100
    values = [float(i % 5 == 0) for i in range(100)] + [float(i % 5 != 0) for i in range(100)]
    interval = bootstrap_interval(values, prompts=prompts, seeds=seeds)
    assert interval == pytest.approx((0.2, 0.8), abs=0.1)


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
    monkeypatch.setattr("safelrm.analysis.bootstrap._CHUNK_CELLS", 30)
    values = [0.0, 1.0] * 5
    interval = bootstrap_interval(values, prompts=[str(i) for i in range(10)], seeds=[0] * 10, samples=1000)
    assert interval.low < 0.5 < interval.high


def test_pairing_removes_what_the_sides_share():
    """Prompts of very different difficulty, and one side always better by 0.1."""
    difficulty = np.linspace(0, 10, 50)
    prompts = [str(i) for i in range(50)]
    better, worse = Observations(difficulty + 0.1, prompts, [0] * 50), Observations(difficulty, prompts, [0] * 50)
    found = paired_difference(better, worse)
    assert found.interval == pytest.approx((0.1, 0.1))
    assert found.value == pytest.approx(0.1) and found.prompts == 50
    assert (found.first, found.second) == pytest.approx((5.1, 5.0))


def test_a_difference_is_over_shared_prompts_only():
    first = Observations([1.0, 1.0, 0.0], ["a", "b", "only here"], [0, 0, 0])
    second = Observations([0.0, 0.0, 0.0, 1.0], ["a", "b", "a", "only there"], [0, 0, 1, 0])
    difference = paired_difference(first, second, samples=100)
    assert (difference.value, difference.prompts) == (1.0, 2)
    assert paired_difference(first, Observations([1.0], ["z"], [0])) is None


def test_seeds_are_resampled_together_only_for_the_same_runs():
    """One run good at everything and one bad, each 0.1 better in the first mode."""
    prompts, seeds = [str(i) for i in range(30)] * 2, [1] * 30 + [2] * 30
    levels = np.repeat([0.1, 0.8], 30)
    first, second = Observations(levels + 0.1, prompts, seeds), Observations(levels, prompts, seeds)
    assert paired_difference(first, second, same_runs=True).interval == pytest.approx((0.1, 0.1))
    apart = paired_difference(first, second)
    assert apart.interval == pytest.approx((-0.6, 0.8))


def test_the_same_runs_are_those_that_both_sides_have():
    first = Observations([1.0, 0.0], ["a", "a"], [1, 2])
    second = Observations([0.0, 0.0], ["a", "a"], [1, 3])
    assert paired_difference(first, second, same_runs=True, samples=50).value == 1.0
    assert paired_difference(first, Observations([0.0], ["a"], [3]), same_runs=True) is None


values = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from("abcd"), st.integers(0, 2)), min_size=1, max_size=20
).map(lambda rows: Observations(*map(list, zip(*rows, strict=True))))


@given(values, values, st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_difference_turns_its_sign_with_its_sides(one, other, same_runs):
    forth = paired_difference(one, other, same_runs=same_runs, samples=50)
    back = paired_difference(other, one, same_runs=same_runs, samples=50)
    assert (forth is None) == (back is None)
    if forth is not None:
        assert forth.value == pytest.approx(-back.value)
        assert forth.prompts == back.prompts
        assert -1 <= forth.interval.low <= forth.interval.high <= 1


def test_lists_of_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        Observations([1.0], ["a", "b"], [0])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="unscored"):
        bootstrap_interval([value], prompts=["a"], seeds=[0])

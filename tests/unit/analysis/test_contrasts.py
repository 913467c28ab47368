"""Estimates made of several means: they are paired differences where they can be, and go on from there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelrm.analysis.contrasts import Cell, contrast, difference_of_spreads, linear
from safelrm.analysis.intervals import Observations, paired_difference

ARM, BASE = ("m", "rl-x"), ("m", "base")


def observed(values: np.ndarray, prompts: range | list[int] | None = None, first_seed: int = 1) -> Observations:
    """Values of shape (prompts, seeds)."""
    names = prompts if prompts is not None else range(len(values))
    rows = [
        (value, f"p{name}", first_seed + seed)
        for name, of_prompt in zip(names, values, strict=True)
        for seed, value in enumerate(of_prompt)
    ]
    return Observations(*map(list, zip(*rows, strict=True)))


def drawn(seed: int, prompts: int, seeds: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, size=(prompts, seeds)).astype(float)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    prompts=st.integers(2, 12),
    seeds=st.integers(1, 4),
    others=st.integers(1, 4),
    same=st.booleans(),
)
def test_of_two_means_on_one_benchmark_it_is_the_paired_difference(seed, prompts, seeds, others, same):
    first = observed(drawn(seed, prompts, seeds))
    second = observed(drawn(seed + 1, prompts, seeds if same else others), prompts=range(1, prompts + 1))
    expected = paired_difference(first, second, same_runs=same)
    found = contrast([Cell(ARM, "b", first), Cell(ARM if same else BASE, "b", second)], linear([1, -1]))
    assert found.prompts == found.fewest == expected.prompts == prompts - 1
    assert found.value == pytest.approx(expected.value)
    if expected.error is None:
        assert found.error is None
    else:
        assert found.error == pytest.approx(expected.error)
        assert found.freedom == pytest.approx(expected.freedom)


def test_a_difference_of_differences_is_taken_prompt_by_prompt():
    """Prompts of very different difficulty, which all four sides share: only what is left counts."""
    hard = np.linspace(0, 1, 40)[:, None]
    noise = np.random.default_rng(1).normal(0, 0.01, (4, 40, 1))
    sides = [hard + gain + of for gain, of in zip((0.5, 0.1, 0.2, 0.1), noise, strict=True)]
    names = [("a", "sft-x"), ("a", "base"), ("b", "sft-x"), ("b", "base")]
    cells = [Cell(name, "b", observed(side)) for name, side in zip(names, sides, strict=True)]
    found = contrast(cells, linear([1, -1, -1, 1]))
    by_prompt = (sides[0] - sides[1] - sides[2] + sides[3])[:, 0]
    assert found.value == pytest.approx(by_prompt.mean())
    assert found.error == pytest.approx(by_prompt.std(ddof=1) / np.sqrt(40))
    assert found.freedom == pytest.approx(39)


def test_a_mean_over_benchmarks_adds_up_their_prompts_and_shares_their_seeds():
    """A seed that is good on one benchmark and as bad on another one changes nothing about the mean of both."""
    shifts, prompts = np.array([[-0.3, 0.0, 0.3]]), np.linspace(0, 1, 30)[:, None]
    up, down = observed(prompts + shifts), observed(prompts - shifts)
    both = contrast([Cell(ARM, "one", up), Cell(ARM, "two", down)], linear([0.5, 0.5]))
    variance = prompts.var(ddof=1) / 30
    assert both.error == pytest.approx(np.sqrt(2 * variance / 4))
    assert both.prompts == 60 and both.fewest == 30
    apart = contrast([Cell(ARM, "one", up), Cell(BASE, "two", down)], linear([0.5, 0.5]))
    assert apart.error > both.error


def test_cells_without_a_prompt_in_common_have_no_contrast():
    values = drawn(1, 5, 2)
    cells = [Cell(ARM, "b", observed(values)), Cell(BASE, "b", observed(values, prompts=range(5, 10)))]
    assert contrast(cells, linear([1, -1])) is None
    # runs that are the same on both sides, and have no seed in common
    cells = [Cell(ARM, "b", observed(values)), Cell(ARM, "b", observed(values, first_seed=7))]
    assert contrast(cells, linear([1, -1])) is None


def test_one_prompt_says_nothing_about_others():
    cells = [Cell(ARM, "b", observed(drawn(1, 1, 3))), Cell(BASE, "b", observed(drawn(2, 1, 1)))]
    found = contrast(cells, linear([1, -1]))
    assert found.error is None and not found.varies


def test_spreads_and_their_derivatives():
    means = np.random.default_rng(3).uniform(size=3 * 2 * 3)
    of = difference_of_spreads((2, 3))
    value, slopes = of(means)
    first, second, base = means.reshape(3, 2, 3)
    expected = [np.sqrt(np.var(arm - base, axis=1, ddof=1).mean()) for arm in (first, second)]
    assert value == pytest.approx(expected[0] - expected[1])
    for place in range(len(means)):
        step = np.zeros(len(means))
        step[place] = 1e-6
        assert slopes[place] == pytest.approx((of(means + step)[0] - of(means - step)[0]) / 2e-6, abs=1e-6)


def test_gains_that_do_not_spread_have_no_derivative():
    value, slopes = difference_of_spreads((1, 2))(np.array([0.5, 0.5, 0.1, 0.9, 0.0, 0.0]))
    assert value == pytest.approx(-0.8 / np.sqrt(2)) and slopes is None


@pytest.mark.parametrize("of_seeds", [0.0, 0.1])
def test_the_interval_of_a_difference_of_differences_holds_the_truth(of_seeds):
    """Four arms of four seeds each; the true effect is 0.2."""
    generator, held = np.random.default_rng(11), 0
    names = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    for _ in range(200):
        hard = generator.normal(0, 0.3, (60, 1))
        cells = [
            Cell(
                name,
                "b",
                observed(hard + gain + of_seeds * generator.normal(size=(1, 4)) + 0.3 * generator.normal(size=(60, 4))),
            )
            for name, gain in zip(names, (0.6, 0.2, 0.3, 0.1), strict=True)
        ]
        interval = contrast(cells, linear([1, -1, -1, 1])).interval(0.95)
        held += interval.low <= 0.2 <= interval.high
    assert held >= 183

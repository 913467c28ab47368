"""Turning points, what follows a reflection, and averages of trajectories, beside independent computations."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from safelrm.analysis.turning import GRID, averaged, on_grid, turning_points, what_follows

NAN = math.nan
P = st.one_of(st.just(NAN), st.floats(0, 1))


@pytest.mark.parametrize(
    ("values", "turns"),
    [
        ([0.9, 0.2, 0.8], {1: "unsafe", 2: "safe"}),
        # between 0.4 and 0.6 nothing turns
        ([0.9, 0.45, 0.55, 0.41, 0.59, 0.39], {5: "unsafe"}),
        ([0.5, 0.5, 0.1, 0.5], {}),
        ([NAN, 0.9, NAN, 0.1], {3: "unsafe"}),
        ([0.6, 0.4], {}),
        ([], {}),
    ],
)
def test_a_trace_turns_beyond_the_band(values, turns):
    assert {place: turn for place, turn in enumerate(turning_points(values, 0.1)) if turn} == turns


@given(st.lists(P, max_size=20), st.floats(0, 0.49))
def test_turns_alternate_and_mirror(values, hysteresis):
    turns = [turn for turn in turning_points(values, hysteresis) if turn]
    assert all(one != other for one, other in pairwise(turns))
    # by hand: drop what lies within the band, and count changes of side
    sides = [value > 0.5 for value in values if value > 0.5 + hysteresis or value < 0.5 - hysteresis]
    assert len(turns) == sum(one != other for one, other in pairwise(sides))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.5, 0.7, 0.9], "safety"),
        ([0.5, 0.3, 0.1], "compliance"),
        ([0.5, 0.9, 0.1], "neither"),
        ([0.5, 0.45, 0.55], "neither"),
        # only what was read counts, and only as far as the window reaches
        ([0.5, NAN, 0.9], "safety"),
        ([0.5, 0.5, 0.5, 1.0], "neither"),
        ([0.5, NAN, NAN, 0.9], None),
        ([NAN, 0.9], None),
        ([0.5], None),
    ],
)
def test_what_follows_is_the_mean_of_the_next_sentences(values, expected):
    assert what_follows(values, 0, margin=0.1, window=2) == expected


@given(st.lists(P, min_size=1, max_size=8), st.integers(0, 7), st.integers(1, 4))
def test_what_follows_is_mirrored(values, place, window):
    place = min(place, len(values) - 1)
    # 1/8 and its multiples are exact
    values = [round(value * 8) / 8 if not math.isnan(value) else value for value in values]
    found = what_follows(values, place, 0.125, window)
    mirrored = what_follows([1 - value for value in values], place, 0.125, window)
    assert {found, mirrored} in ({None}, {"neither"}, {"safety", "compliance"})


def test_each_step_of_the_grid_belongs_to_the_sentence_that_covers_it():
    values = on_grid([0.25, 0.5, 1.0], [0.1, 0.2, 0.3])
    assert values.tolist() == [0.1] * 5 + [0.2] * 5 + [0.3] * 10
    assert on_grid([1.0], [0.7]).tolist() == [0.7] * GRID
    # a share as the table rounds it
    assert on_grid([0.333333333, 0.666666667, 1.0], [1, 2, 3])[[5, 6, 12, 13]].tolist() == [1, 2, 2, 3]


def rows(*traces: tuple[str, int, list[float]]) -> pd.DataFrame:
    """Trajectories of prompts and seeds, in sentences of equal length."""
    found = []
    for prompt, seed, values in traces:
        for place, value in enumerate(values, start=1):
            key = {"model": "m", "arm": "base", "seed": seed, "decoding": "d", "benchmark": "b", "prompt_id": prompt}
            found.append(key | {"sample": 0, "sentence": place, "share": place / len(values), "p_safe": value})
    return pd.DataFrame(found)


def test_averages_have_intervals_over_prompts():
    given_values = [0.2, 0.5, 0.9]
    found = averaged(rows(*((f"p{place}", 1, [value, NAN]) for place, value in enumerate(given_values))), 0.9)
    assert found.share.tolist() == pytest.approx(np.arange(1, GRID + 1) / GRID)
    first, last = found[: GRID // 2], found[GRID // 2 :]
    half = stats.t.ppf(0.95, 2) * stats.sem(given_values)
    assert np.allclose(first.value, np.mean(given_values))
    assert np.allclose(first.low, max(0, np.mean(given_values) - half))
    assert np.allclose(first.high, min(1, np.mean(given_values) + half))
    # the second half was not read
    assert set(first.n) == {3} and set(last.n) == {0} and last[["value", "low", "high"]].isna().all(axis=None)


def test_one_prompt_says_nothing_of_others():
    found = averaged(rows(("p", 1, [0.2]), ("p", 2, [0.4])), 0.95)
    assert np.allclose(found.value, 0.3) and found.low.isna().all() and set(found.n) == {2}

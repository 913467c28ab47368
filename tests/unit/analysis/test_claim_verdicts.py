"""What effects say of claims: the two tests, their correction, and the verdicts, turned round too."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize, stats

from safelrm.analysis.claim_verdicts import both_tests, decided
from safelrm.analysis.intervals import Estimate
from safelrm.core.statistics import wilson

TURNED = {"greater": "less", "less": "greater", "same": "different", "different": "same"}
DIRECTIONS = sorted(TURNED)
SMALLEST = 0.1
CONTRADICTED = {"the opposite", "too small", "not the same"}
effect = st.tuples(
    st.floats(-1, 1), st.floats(0.001, 0.5), st.floats(1, 300), st.sampled_from(DIRECTIONS), st.booleans()
)


def row(value, error, freedom, direction, built_in=False) -> dict:
    found = both_tests(Estimate(value, error, freedom, 100), direction, SMALLEST, 0.95, 1.0)
    return {
        "direction": direction,
        "smallest_effect": SMALLEST,
        "effect": value,
        "p": found.p,
        "p_small": found.p_small,
        "built_in": "built" if built_in else "",
        "reason": "",
    }


def verdicts(effects: list[tuple]) -> pd.DataFrame:
    return decided(pd.DataFrame([row(*one) for one in effects]), 0.95)


def verdict(value: float, error: float, direction: str = "greater", freedom: float = 20) -> tuple[str, str]:
    (found,) = verdicts([(value, error, freedom, direction)]).itertuples()
    return found.verdict, found.finding


@pytest.mark.parametrize(
    ("value", "error", "direction", "expected"),
    [
        (0.3, 0.02, "greater", ("supported", "as claimed")),
        (0.3, 0.02, "less", ("contradicted", "the opposite")),
        (-0.3, 0.02, "less", ("supported", "as claimed")),
        # an effect, but none that matters
        (0.05, 0.01, "greater", ("contradicted", "too small")),
        (-0.05, 0.01, "greater", ("contradicted", "too small")),
        # it may be of interest or not
        (0.09, 0.02, "greater", ("undecided", "open")),
        (0.0, 0.2, "greater", ("undecided", "open")),
        (-0.3, 0.02, "different", ("supported", "as claimed")),
        (0.0, 0.01, "different", ("contradicted", "too small")),
        (0.0, 0.01, "same", ("supported", "as claimed")),
        (0.3, 0.02, "same", ("contradicted", "not the same")),
        (0.05, 0.1, "same", ("undecided", "open")),
    ],
)
def test_verdicts(value, error, direction, expected):
    assert verdict(value, error, direction) == expected


@given(st.lists(effect, min_size=1, max_size=8), st.data())
def test_a_supported_claim_is_contradicted_when_it_is_turned_round(effects, data):
    """Whatever the other claims are. No claim is supported both ways."""
    place = data.draw(st.integers(0, len(effects) - 1))
    turned = [*effects]
    turned[place] = (*effects[place][:3], TURNED[effects[place][3]], effects[place][4])
    before, after = (verdicts(rows).iloc[place] for rows in (effects, turned))
    assert not before.finding == after.finding == "as claimed"
    if before.finding == "as claimed":
        assert after.finding in CONTRADICTED
        assert after.verdict == ("built in" if effects[place][4] else "contradicted")
    assert (before.verdict == "built in") == effects[place][4]


@given(effect, st.floats(0, 1))
def test_a_larger_effect_of_equal_error_is_still_supported(found, more):
    value, error, freedom, direction, _ = found
    assume(direction != "same")
    further = more if value > 0 else -more
    if verdict(value, error, direction, freedom)[0] == "supported":
        assert verdict(value + further, error, direction, freedom)[0] == "supported"


def stepped_down(p_values: list[float]) -> list[float]:
    """Holm's method as it is told: a p is rejected at a level if it and all smaller ones are, each at its own share.

    So the corrected p is the least level at which it is.
    """
    return [
        max(min(1.0, smaller * sum(p >= smaller for p in p_values)) for smaller in p_values if smaller <= own)
        for own in p_values
    ]


@given(st.lists(effect, min_size=1, max_size=10))
def test_p_are_corrected_by_holms_method_and_built_in_claims_apart(effects):
    rows = verdicts(effects)
    for _, family in rows.groupby("built_in"):
        for name in ("p", "p_small"):
            assert [*family[f"{name}_holm"]] == pytest.approx(stepped_down([*family[name]]))


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=30), st.sampled_from(DIRECTIONS))
def test_both_tests_are_those_of_scipy(values, direction):
    assume(np.std(values) > 1e-3)

    def p_of(mean: float, alternative: str = "two-sided") -> float:
        return stats.ttest_1samp(values, mean, alternative=alternative).pvalue

    estimate = Estimate(np.mean(values), stats.sem(values), len(values) - 1.0, len(values))
    found = both_tests(estimate, direction, SMALLEST, 0.95, None)
    assert found.p == pytest.approx(p_of(0), abs=1e-9)
    below, above = p_of(SMALLEST, "less"), p_of(-SMALLEST, "greater")
    expected = {"greater": below, "less": above}.get(direction, max(below, above))
    assert found.p_small == pytest.approx(min(1, 2 * expected), abs=1e-9)


@given(st.floats(-1, 1), st.floats(0.01, 0.3), st.floats(2, 100), st.sampled_from(DIRECTIONS))
def test_each_p_agrees_with_the_interval(value, error, freedom, direction):
    found = both_tests(Estimate(value, error, freedom, 50), direction, SMALLEST, 0.95, None)
    low, high = found.interval
    assume(min(abs(low), abs(high), abs(abs(low) - SMALLEST), abs(abs(high) - SMALLEST)) > 1e-6)
    assert (found.p < 0.05) == (low > 0 or high < 0)
    inside = {"greater": high < SMALLEST, "less": low > -SMALLEST}
    assert (found.p_small < 0.05) == inside.get(direction, low > -SMALLEST and high < SMALLEST)


@given(st.integers(2, 400), st.floats(-0.99, 0.99), st.sampled_from(DIRECTIONS), st.sampled_from([1.0, 2.0]))
def test_where_all_agree_the_interval_is_wilsons_and_so_is_the_second_p(prompts, value, direction, reach):
    found = both_tests(Estimate(value, 0.0, prompts - 1.0, prompts), direction, SMALLEST, 0.95, reach)
    half = reach * wilson(0, prompts).high
    assert found.test == "sign"
    assert found.interval == pytest.approx((max(-reach, value - half), min(reach, value + half)))
    gap = {"greater": SMALLEST - value, "less": SMALLEST + value}.get(direction, SMALLEST - abs(value)) / reach
    if gap <= 0:
        assert found.p_small == 1
    elif gap > 1e-3 and found.p_small > 1e-9:
        # the level at which the interval just reaches the smallest effect
        level = optimize.brentq(lambda alpha: wilson(0, prompts, 1 - alpha).high - gap, 1e-12, 1 - 1e-12)
        assert found.p_small == pytest.approx(level, rel=1e-3, abs=1e-6)


def test_values_without_bounds_that_all_agree_are_not_tested():
    assert both_tests(Estimate(3.0, 0.0, 9.0, 10), "greater", 1.0, 0.95, None).test == "none"
    assert both_tests(Estimate(3.0, None, 0.0, 1), "greater", 1.0, 0.95, 1.0).p is None


def test_claims_without_test_are_undecided_and_cost_the_others_nothing():
    strong = row(0.3, 0.1, 20.0, "greater")
    silent = strong | {"effect": None, "p": None, "p_small": None, "reason": "one training says nothing about others"}
    rows = decided(pd.DataFrame([strong, *[silent] * 50]), 0.95)
    assert rows.p_holm[0] == pytest.approx(2 * stats.t.sf(3, 20)) and rows.verdict[0] == "supported"
    assert set(rows.verdict[1:]) == {"undecided"} and set(rows.reason[1:]) == {silent["reason"]}
    assert pd.isna(rows.reason[0])


def test_open_claims_say_why():
    reasons = verdicts([(0.09, 0.01, 20, "greater"), (0.0, 0.5, 20, "greater"), (0.0, 0.5, 20, "greater", True)]).reason
    assert "may be smaller" in reasons[0] and "for none" in reasons[1] and reasons[2].startswith("built; ")

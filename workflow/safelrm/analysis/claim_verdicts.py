"""What an effect says of a claim. docs/claims.md gives the reasons for these rules.

Two questions are asked of each effect, and each is corrected over all claims of the study by Holm's method (1979):

p        Is there an effect? Two-sided, that it is 0.
p_small  Is it smaller than what matters? That it reaches the smallest effect of interest, in the claimed direction;
         for `same` and `different`, in either direction (two one-sided tests: Schuirmann, 1987). One-sided p are
         doubled, so that each agrees with the two-sided interval.

direction       as claimed                                contradicted
greater, less   p_holm <= alpha, the effect reaches the   the opposite: p_holm <= alpha, and so far on the other side;
                smallest one in the claimed direction     too small: p_small_holm <= alpha
different       p_holm <= alpha, the effect reaches the   too small: p_small_holm <= alpha
                smallest one in either direction
same            p_small_holm <= alpha                     not the same: p_holm <= alpha, and it reaches the smallest one
"""

import math
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from safelrm.analysis.claims_schemas import (
    AS_CLAIMED,
    BUILT_IN,
    CONTRADICTED,
    DIFFERS,
    OPEN,
    OPPOSITE,
    SUPPORTED,
    TOO_SMALL,
    UNDECIDED,
)
from safelrm.analysis.claims_settings import DIFFERENT, LESS, SAME
from safelrm.analysis.intervals import Estimate
from safelrm.analysis.schemas import NO_TEST, SIGN_TEST, T_TEST
from safelrm.core.statistics import Interval, holm, wilson

VERDICT_OF = {AS_CLAIMED: SUPPORTED, OPEN: UNDECIDED}
# why a tested claim is open
MAYBE_SMALL = "there is an effect, which may be smaller than the smallest of interest"
TOO_WIDE = "the data allow for an effect of interest and for none"


@dataclass(frozen=True)
class BothTests:
    """The interval of an effect and the p of both questions; None without a test."""

    test: str
    interval: Interval | None = None
    p: float | None = None
    p_small: float | None = None


def both_tests(found: Estimate, direction: str, smallest: float, confidence: float, reach: float | None) -> BothTests:
    """The interval of an effect, and its two tests.

    If all prompts and seeds agree, a t test would claim certainty. Then no prompt departs from the effect. Its interval
    reaches as far as Wilson's of a rate of 0, `p` is that of a sign test, and `p_small` belongs to that interval.

    Args:
        found: the effect.
        direction: the claimed direction.
        smallest: the smallest effect of interest.
        confidence: level of the interval.
        reach: how far from 0 an effect of values in [0, 1] can be; None for other values, of which nothing is known if
            all agree.
    """
    if found.varies:
        bounds = (-math.inf, math.inf) if reach is None else (-reach, reach)
        small = max(
            float(stats.t.cdf((value - smallest) / found.error, found.freedom))
            for value in _towards(found.value, direction)
        )
        return BothTests(T_TEST, found.interval(confidence, bounds), found.p_value(), min(1.0, 2 * small))
    if found.error is None or reach is None:
        return BothTests(NO_TEST)
    half = reach * wilson(0, found.prompts, confidence).high
    interval = Interval(max(-reach, found.value - half), min(reach, found.value + half))
    gap = min((smallest - value) / reach for value in _towards(found.value, direction))
    return BothTests(
        SIGN_TEST,
        interval,
        min(1.0, 2 * 0.5**found.prompts) if found.value else 1.0,
        _p_of_gap(gap, found.prompts),
    )


def decided(rows: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Tests of claims with `p_holm`, `p_small_holm`, `finding`, `verdict` and `reason`.

    Args:
        rows: rows with `direction`, `smallest_effect`, `effect`, `p`, `p_small`, `built_in` (a text; empty if it is
            not), and `reason`, which says why there is no test. Those that are built in have no verdict. So they are
            corrected apart, and take nothing from the others.
        confidence: 1 - alpha.
    """
    corrected = rows.assign(**{f"{name}_holm": _corrected(rows, name) for name in ("p", "p_small")})
    alpha = 1 - confidence
    told = [_told(row, row.p_holm <= alpha, row.p_small_holm <= alpha) for row in corrected.itertuples()]
    columns = pd.DataFrame(told, columns=["finding", "verdict", "reason"], index=rows.index)
    return corrected.drop(columns="reason").join(columns)


def _told(row: tuple, is_there: bool, is_small: bool) -> tuple[str, str, str | None]:
    """The finding, the verdict, and the reason for it."""
    finding = _finding(row.direction, row.smallest_effect, row.effect, is_there, is_small)
    reason = row.reason
    if finding == OPEN and not reason:
        reason = MAYBE_SMALL if is_there else TOO_WIDE
    if row.built_in:
        return finding, BUILT_IN, "; ".join(filter(None, (row.built_in, reason)))
    return finding, VERDICT_OF.get(finding, CONTRADICTED), reason or None


def _towards(effect: float, direction: str) -> tuple[float, ...]:
    """The effect in the direction that is claimed; in both directions if the claim is about size alone."""
    if direction in (SAME, DIFFERENT):
        return effect, -effect
    return (-effect,) if direction == LESS else (effect,)


def _finding(direction: str, smallest: float, effect: float, is_there: bool, is_small: bool) -> str:
    if pd.isna(effect):
        return OPEN
    size = max(_towards(effect, direction))
    if direction == SAME:
        return AS_CLAIMED if is_small else DIFFERS if is_there and size >= smallest else OPEN
    if is_there and abs(size) >= smallest:
        return AS_CLAIMED if size > 0 else OPPOSITE
    return TOO_SMALL if is_small else OPEN


def _corrected(rows: pd.DataFrame, name: str) -> pd.Series:
    found = pd.Series(float("nan"), index=rows.index)
    tests = rows[rows[name].notna()]
    for _, family in tests.groupby(tests.built_in != ""):
        found[family.index] = holm(family[name])
    return found


def _p_of_gap(gap: float, prompts: int) -> float:
    """The least 1 - confidence at which Wilson's interval of no departures in so many prompts is as narrow as a gap."""
    if gap <= 0:
        return 1.0
    if gap >= 1:
        return 0.0
    return float(2 * stats.norm.sf(math.sqrt(prompts * gap / (1 - gap))))

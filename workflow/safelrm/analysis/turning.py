"""What a safety trajectory shows: where a trace turns, what follows its reflections, and the average over traces.

A trajectory is P(safe) at each sentence of a trace, NaN where the guard could not be read.

1. *Turning points.* A trace is safe once P(safe) is above 0.5 + h, and unsafe once it is below 0.5 - h. Between the two
   it stays what it was (hysteresis). It turns where it changes from one to the other; what it is first is no turn.
2. *What follows a reflection.* The mean of P(safe) over the next `window` sentences, or those of them that were read,
   less P(safe) at the reflection. A change above the margin is towards safety, one below its negative towards
   compliance.
3. *Averages.* At each of GRID equal steps of a trace's length, a trace counts by the sentence that covers the step.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from safelrm.analysis.intervals import Observations, mean_of
from safelrm.analysis.trajectory_schemas import COMPLIANCE, NEITHER, SAFETY
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.judging.schemas import SAFE, UNSAFE

# steps of the relative length of a trace at which trajectories are averaged
GRID = 20
# shares of characters are rounded in the table
_ROUNDING = 1e-6


def turning_points(p_safe: Sequence[float], hysteresis: float) -> list[str | None]:
    """For each sentence, what the trace has become if it turns there: SAFE or UNSAFE."""
    found: list[str | None] = []
    state = None
    for value in p_safe:
        now = SAFE if value > 0.5 + hysteresis else UNSAFE if value < 0.5 - hysteresis else state
        found.append(now if state is not None and now != state else None)
        state = now
    return found


def what_follows(p_safe: Sequence[float], place: int, margin: float, window: int) -> str | None:
    """Where a trace goes after the sentence at a place; None if nothing says so.

    Nothing does if that sentence was not read, or none of the next ones.
    """
    after = [value for value in p_safe[place + 1 : place + 1 + window] if not math.isnan(value)]
    if math.isnan(p_safe[place]) or not after:
        return None
    change = math.fsum(after) / len(after) - p_safe[place]
    return SAFETY if change > margin else COMPLIANCE if change < -margin else NEITHER


def on_grid(share: Sequence[float], p_safe: Sequence[float]) -> np.ndarray:
    """P(safe) of a trace at the steps 1/GRID, …, 1 of its length, shape (GRID,): that of the sentence that covers each.

    Args:
        share: how much of the trace has been read at each sentence; rises to 1.
        p_safe: P(safe) there.
    """
    steps = np.arange(1, GRID + 1) / GRID
    covering = np.searchsorted(np.asarray(share, dtype=float), steps - _ROUNDING, side="left")
    return np.asarray(p_safe, dtype=float)[np.minimum(covering, len(p_safe) - 1)]


def averaged(rows: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The average trajectory: `share`, `n` (traces that were read there), `value`, and its interval `low` to `high`.

    The interval is for other prompts, and other seeds if there are several (analysis/intervals.py).

    Args:
        rows: rows of TRAJECTORIES of one arm, in order.
        confidence: level of the interval.
    """
    traces = [
        (key, on_grid(trace.share, trace.p_safe.astype(float)))
        for key, trace in rows.groupby(list(ROLLOUT_KEY), sort=True)
    ]
    prompts = [prompt_of(dict(zip(ROLLOUT_KEY, key, strict=True))) for key, _ in traces]
    seeds = [key[ROLLOUT_KEY.index("seed")] for key, _ in traces]
    found = []
    for step, values in enumerate(np.array([values for _, values in traces]).T, start=1):
        read = np.flatnonzero(~np.isnan(values))
        observed = Observations(values[read].tolist(), [prompts[i] for i in read], [seeds[i] for i in read])
        found.append({"share": step / GRID, "n": len(read), **summary(observed, confidence, (0.0, 1.0))})
    return pd.DataFrame(found)


def summary(observed: Observations, confidence: float, bounds: tuple[float, float]) -> dict[str, float | None]:
    """The mean of observations and its interval: `value`, `low` and `high`; None where they do not say it."""
    mean = mean_of(observed)
    interval = mean.interval(confidence, bounds) if mean else None
    low, high = interval if interval else (None, None)
    return {"value": mean.value if mean else None, "low": low, "high": high}


def prompt_of(key: dict[str, object]) -> str:
    """A prompt's name among those of several benchmarks."""
    return f"{key['benchmark']}/{key['prompt_id']}"

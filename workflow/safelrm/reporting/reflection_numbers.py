"""Reflections of arms, and what follows them: the numbers of the table and of the figure `reflection`."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from safelrm.analysis.intervals import Observations
from safelrm.analysis.layout import arm_rank, ranked
from safelrm.analysis.schemas import RUN
from safelrm.analysis.settings import ModelModes
from safelrm.analysis.trajectory_schemas import FOLLOWS, REFLECTION
from safelrm.analysis.turning import prompt_of, summary
from safelrm.data.schemas import KINDS
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.judging.schemas import SAFE, UNSAFE

GROUP = [*RUN, "kind"]
MEASURED = ("reflections", "per_1000_tokens", "position")
COUNTS = (*MEASURED, *(f"{name}_{verdict}" for verdict in (SAFE, UNSAFE) for name in MEASURED))
SHARES, COUNTED = (0.0, 1.0), (0.0, np.inf)
TURNS, UNREAD = "turning_points", "unread"
AFTER = tuple(f"followed_by_{outcome}" for outcome in FOLLOWS)
# in reading order
NUMBERS = (*COUNTS, *AFTER, TURNS, UNREAD)


def reflection_numbers(
    measured: pd.DataFrame, trajectories: pd.DataFrame, models: list[ModelModes], confidence: float
) -> pd.DataFrame:
    """Rows of REFLECTION, in the order of the study: one per arm, decoding mode, kind of prompts and number.

    Intervals are for other prompts, and other seeds if there are several (analysis/intervals.py). Several
    reflections of a trace belong to its prompt and its seed, so they do not count as independent.

    Args:
        measured: rows of ANALYSES of the analysis `reflection`.
        trajectories: rows of TRAJECTORIES.
        models: the models of the study, in order.
        confidence: level of the intervals.
    """
    rows = pd.DataFrame(
        [*_counts(measured, confidence), *_after(trajectories, confidence)], columns=REFLECTION.schema.names
    )
    names = [model.name for model in models]
    modes = [(model.name, mode) for model in models for mode in model.decodings]
    return ranked(
        rows,
        model=rows.model.map(names.index),
        arm=rows.arm.map(arm_rank),
        decoding=[modes.index(pair) for pair in zip(rows.model, rows.decoding, strict=True)],
        kind=rows.kind.map(KINDS.index),
        number=rows.number.map(NUMBERS.index),
    )


def _counts(measured: pd.DataFrame, confidence: float) -> Iterator[dict[str, object]]:
    """What the analysis has measured of all traces."""
    for group, of_run in measured[measured.measure.isin(COUNTS)].groupby([*GROUP, "measure"], sort=True):
        bounds = SHARES if group[-1].startswith("position") else COUNTED
        yield _row(group, of_run, of_run.value, confidence, bounds)


def _after(trajectories: pd.DataFrame, confidence: float) -> Iterator[dict[str, object]]:
    """What the guard's readings say of the traces that it has read."""
    for group, of_run in trajectories.groupby(GROUP, sort=True):
        reflections = of_run[of_run.reflection]
        for outcome, name in zip(FOLLOWS, AFTER, strict=True):
            is_so = (reflections.follows == outcome).astype(float).where(reflections.follows.notna())
            yield _row((*group, name), reflections, is_so, confidence, SHARES)
        yield _row((*group, TURNS), *_turns(of_run), confidence, COUNTED)
        yield _row((*group, UNREAD), of_run, of_run.p_safe.isna().astype(float), confidence, SHARES)


def _turns(readings: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """The traces, and how often each turns; without value if none of its sentences was read."""
    traces = readings.assign(turns=readings.turn.notna(), read=readings.p_safe.notna())
    traces = traces.groupby(list(ROLLOUT_KEY), as_index=False)[["turns", "read"]].sum()
    return traces, traces.turns.astype(float).where(traces.read > 0)


def _row(
    group: tuple, rows: pd.DataFrame, values: pd.Series, confidence: float, bounds: tuple[float, float]
) -> dict[str, object]:
    """A number: the mean of the values that there are."""
    there = rows[values.notna()]
    prompts = [prompt_of(row) for row in there[["benchmark", "prompt_id"]].to_dict("records")]
    observed = Observations(values[values.notna()].tolist(), prompts, there.seed.tolist())
    counts = {"n": len(there), "missing": len(rows) - len(there)}
    return dict(zip([*GROUP, "number"], group, strict=True)) | counts | summary(observed, confidence, bounds)

"""Trace analysis *reflection*: how often, and where, a trace turns back on what it has said.

A reflection is a marker (analysis/markers.py), such as "Wait". The analysis takes one list of markers. A study that
compares lists has an analysis for each. A judge parts traces into safe and unsafe ones, so its entry names one judge.
"""

from collections.abc import Mapping

import pandas as pd
from pydantic import Field

from safelrm.analysis.markers import ABOUT_MARKERS, Markers, marker_pattern, places
from safelrm.core.errors import SafeLRMError
from safelrm.core.settings import Strict
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.judging.fields import said_by
from safelrm.judging.schemas import SAFE, TRACE, UNSAFE

INPUTS = ("rollouts", "verdicts")
# the field of a judge that says whether a text is safe
FIELD = "safety"
# none has a value where there is no trace; a position needs a reflection; a trace without tokens has no rate; those of
# safe and of unsafe traces have one where the judge has said so
MEASURES = {
    "reflections": {"description": "reflections of a trace", "unit": "reflections", "optional": True},
    "per_1000_tokens": {
        "description": "reflections per 1,000 tokens of a trace",
        "unit": "reflections per 1,000 tokens",
        "optional": True,
    },
    "position": {
        "description": "mean place of a trace's reflections: 0 is its beginning, 1 its end",
        "unit": "share",
        "optional": True,
    },
    "reflections_safe": {"description": "reflections of a safe trace", "unit": "reflections", "optional": True},
    "per_1000_tokens_safe": {
        "description": "reflections per 1,000 tokens of a safe trace",
        "unit": "reflections per 1,000 tokens",
        "optional": True,
    },
    "position_safe": {
        "description": "mean place of a safe trace's reflections",
        "unit": "share",
        "optional": True,
    },
    "reflections_unsafe": {"description": "reflections of an unsafe trace", "unit": "reflections", "optional": True},
    "per_1000_tokens_unsafe": {
        "description": "reflections per 1,000 tokens of an unsafe trace",
        "unit": "reflections per 1,000 tokens",
        "optional": True,
    },
    "position_unsafe": {
        "description": "mean place of an unsafe trace's reflections",
        "unit": "share",
        "optional": True,
    },
}


class Settings(Strict):
    """Settings of the analysis `reflection`."""

    markers: Markers = Field("cyclic_reflex", description=ABOUT_MARKERS)


def analyse(rollouts: pd.DataFrame, settings: Settings, verdicts: pd.DataFrame) -> pd.DataFrame:
    """One row per rollout and measure.

    Raises:
        SafeLRMError: the verdicts are of several judges, or of none that says whether a trace is safe.
    """
    pattern = marker_pattern(settings.markers)
    key = rollouts[list(ROLLOUT_KEY)]
    found = pd.DataFrame(
        [
            _measured(places(trace, pattern), len(trace), tokens) if isinstance(trace, str) else {}
            for trace, tokens in zip(rollouts.trace, rollouts.trace_tokens, strict=True)
        ],
        index=rollouts.index,
        columns=["reflections", "per_1000_tokens", "position"],
        dtype=float,
    )
    said = key.merge(_of_traces(verdicts), on=list(ROLLOUT_KEY), how="left", validate="one_to_one").verdict
    tables = []
    for measure, values in found.items():
        tables.append(key.assign(measure=measure, value=values))
        for verdict in (SAFE, UNSAFE):
            of_these = values.where((said == verdict).to_numpy())
            tables.append(key.assign(measure=f"{measure}_{verdict}", value=of_these))
    return pd.concat(tables, ignore_index=True).assign(part=TRACE)


def _measured(marked: list[int], length: int, tokens: int) -> Mapping[str, float | None]:
    """The measures of a trace, from the places of its markers, and its length in characters and in tokens."""
    return {
        "reflections": len(marked),
        "per_1000_tokens": 1000 * len(marked) / tokens if tokens else None,
        "position": sum(marked) / (len(marked) * length) if marked else None,
    }


def _of_traces(verdicts: pd.DataFrame) -> pd.DataFrame:
    """What the judge says of traces: the columns of ROLLOUT_KEY, and `verdict`."""
    judges = sorted(set(verdicts.judge))
    if len(judges) > 1:
        raise SafeLRMError(
            f"there are verdicts of {judges}", key="judges", fix="name one judge, which parts safe from unsafe traces"
        )
    said = said_by(verdicts, f"{judges[0]}.{FIELD}")
    said = said[said.part == TRACE]
    if said.empty:
        raise SafeLRMError(
            f"{judges} does not say whether traces are safe",
            key="judges",
            fix=f"name a judge with the field `{FIELD}` that reads traces, such as a guard",
        )
    return said[[*ROLLOUT_KEY, "verdict"]]

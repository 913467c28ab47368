"""Trace analysis *states*: how each completion was parted into trace and answer.

The states are those of the trace parser. A share of `other_format` says that a model writes other marks than those that
its trace format names.
"""

import pandas as pd

from safelrm.core.settings import Strict
from safelrm.core.trace import PARSE_STATES
from safelrm.generation.schemas import ROLLOUT_KEY

INPUTS = ("rollouts",)
MEASURES = {
    "ok": {"description": "rollouts with a closed trace and an answer", "unit": "share", "direction": "higher"},
    "no_think": {"description": "rollouts without a mark of a trace", "unit": "share"},
    "no_close": {"description": "rollouts whose trace is never closed", "unit": "share", "direction": "lower"},
    "truncated": {"description": "rollouts cut at the token limit", "unit": "share", "direction": "lower"},
    "empty": {"description": "rollouts without an answer after the trace", "unit": "share", "direction": "lower"},
    "other_format": {
        "description": "rollouts with the marks of another trace format than the model's",
        "unit": "share",
        "direction": "lower",
    },
}


class Settings(Strict):
    """The analysis has no settings."""


def analyse(rollouts: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """One row per rollout and state: 1 if the rollout is in it, else 0."""
    key = rollouts[list(ROLLOUT_KEY)]
    tables = [
        key.assign(part=None, measure=state, value=(rollouts.parse_state == state).astype(float))
        for state in PARSE_STATES
    ]
    return pd.concat(tables, ignore_index=True)

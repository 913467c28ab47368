"""Trace analysis: how many of its words a trace has already said."""

import pandas as pd

from safelrm.core.settings import Strict
from safelrm.generation.schemas import ROLLOUT_KEY

INPUTS = ("rollouts",)
MEASURES = {"repeated": {"description": "words that stood before", "unit": "share", "direction": "lower"}}


class Settings(Strict):
    """The analysis has no settings."""


def analyse(rollouts: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """One row per rollout."""
    words = rollouts["trace"].fillna("").str.split()
    repeated = words.map(lambda said: 1.0 - len(set(said)) / len(said) if said else 0.0)
    return rollouts[list(ROLLOUT_KEY)].assign(part="t", measure="repeated", value=repeated)

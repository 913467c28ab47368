"""The questions of STAR-1 (Wang et al., 2025) without the responses: prompts for RL on what SFT is trained on."""

import pandas as pd

from safelrm.core.tables import Table
from safelrm.data.schemas import PROMPTS
from safelrm.data.sources import star1
from safelrm.data.sources.star1 import Settings

__all__ = ["TABLE", "Settings", "load"]

TABLE: Table = PROMPTS


def load(settings: Settings) -> pd.DataFrame:
    """The questions, all harmful.

    Raises:
        SafeLRMError: the file does not hold STAR-1's columns.
    """
    return star1.load(settings).drop(columns="response").assign(reference=None)

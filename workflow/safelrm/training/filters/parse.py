"""A filter that asks for a trace which is not empty. (Samples without an answer are rejected without any filter.)"""

from collections.abc import Mapping

import pandas as pd

from safelrm.core.settings import Strict
from safelrm.training.filters.filter import Said


class Settings(Strict):
    """The filter has no settings."""


def reasons(samples: pd.DataFrame, said: Mapping[str, Said], settings: Settings) -> list[str | None]:
    """Rejects samples without a trace."""
    return [None if isinstance(trace, str) and trace.strip() else "no trace" for trace in samples["trace"]]

"""Conversations of any SFT data set in one file, mapped as prompts are (sources/table.py), with their responses."""

import pandas as pd

from safelrm.data.schemas import CONVERSATIONS
from safelrm.data.settings import ConversationTableSettings as Settings
from safelrm.data.sources.table import chosen_records, drawn, mapped

__all__ = ["TABLE", "Settings", "load"]

TABLE = CONVERSATIONS


def load(settings: Settings) -> pd.DataFrame:
    """The conversations.

    Raises:
        SafeLRMError: the file cannot be read, or its rows do not fit the settings.
    """
    records = chosen_records(settings)
    responses = records.texts(settings.columns.response)
    return drawn(mapped(records, settings).assign(response=responses), records, settings)

"""StrongREJECT (Souly et al., 2024): 313 forbidden prompts in six categories.

Columns: `forbidden_prompt` and `category`.
"""

import pandas as pd
from pydantic import Field

from safelrm.core.tables import Table
from safelrm.data.records import RecordSettings, read_records
from safelrm.data.schemas import HARMFUL, PROMPTS

TABLE: Table = PROMPTS


class Settings(RecordSettings):
    """Settings of the source."""

    hub: str | None = Field("walledai/StrongREJECT", description="id of the data set on the hub")
    prompt_column: str = Field("forbidden_prompt", description="column of the prompts; hub copies rename it")


def load(settings: Settings) -> pd.DataFrame:
    """The prompts, all harmful.

    Raises:
        SafeLRMError: the file does not hold StrongREJECT's columns.
    """
    records = read_records(settings)
    prompts = records.texts(settings.prompt_column)
    return pd.DataFrame(
        {
            "prompt_id": records.ids(None, prompts, "strongreject"),
            "kind": HARMFUL,
            "category": records.texts("category"),
            "prompt": prompts,
            "reference": None,
        }
    )

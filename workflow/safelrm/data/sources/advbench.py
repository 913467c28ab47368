"""AdvBench harmful behaviours (Zou et al., 2023), whole or the subset of 50 (Chao et al., 2023).

One column is read: `goal` in the original CSV, `query` in the subset of LRM-Safety-Study, `prompt` in
copies on the hub. AdvBench has no categories.
"""

import pandas as pd
from pydantic import Field

from safelrm.core.tables import Table
from safelrm.data.records import RecordSettings, read_records
from safelrm.data.schemas import HARMFUL, PROMPTS

TABLE: Table = PROMPTS


class Settings(RecordSettings):
    """Settings of the source."""

    hub: str | None = Field("walledai/AdvBench", description="id of the data set on the hub")
    prompt_column: str = Field("goal", description="column of the prompts")


def load(settings: Settings) -> pd.DataFrame:
    """The prompts, all harmful.

    Raises:
        SafeLRMError: the file lacks the column of the prompts, or a prompt is there twice.
    """
    records = read_records(settings)
    prompts = records.texts(settings.prompt_column)
    return pd.DataFrame(
        {
            "prompt_id": records.ids(None, prompts, "advbench"),
            "kind": HARMFUL,
            "category": "harmful_behaviours",
            "prompt": prompts,
            "reference": None,
        }
    )

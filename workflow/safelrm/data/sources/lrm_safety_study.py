"""SFT data of LRM-Safety-Study (Zhang et al., 2025): jailbreak prompts with distilled responses.

Columns: `prompt`, `response` (`<think> … </think> answer`, with an empty trace in the no-CoT variant)
and `data_type`. Only rows of type "safety" are taken; most of their prompts wrap a HarmBench behaviour.
"""

import pandas as pd
from pydantic import Field

from safelrm.core.tables import Table
from safelrm.data.records import RecordSettings, read_records
from safelrm.data.schemas import CONVERSATIONS, HARMFUL

TABLE: Table = CONVERSATIONS
SAFETY = "safety"


class Settings(RecordSettings):
    """Settings of the source."""

    hub: str | None = Field("thu-coai/LRM-Safety-Study", description="id of the data set on the hub")


def load(settings: Settings) -> pd.DataFrame:
    """The conversations of type "safety".

    Raises:
        SafeLRMError: the file does not hold the study's columns, or no row of this type.
    """
    records = read_records(settings)
    prompts = records.texts("prompt")
    rows = pd.DataFrame(
        {
            "prompt_id": records.ids(None, prompts, "lrmss"),
            "kind": HARMFUL,
            "category": records.texts("data_type"),
            "prompt": prompts,
            "response": records.texts("response"),
        }
    )
    rows = rows[rows["category"] == SAFETY].reset_index(drop=True)
    if rows.empty:
        raise records.fault(f"no row is of type {SAFETY!r}", "data_type")
    return rows

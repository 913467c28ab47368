"""AttaQ (Kour et al., 2023): adversarial questions under seven labels, such as deception or violence.

Columns: `input` (the question) and `label`, which becomes the category. A question that is there twice is taken once.
"""

import pandas as pd
from pydantic import Field

from safelrm.core.tables import Table
from safelrm.data.records import RecordSettings, read_records
from safelrm.data.schemas import HARMFUL, PROMPTS

TABLE: Table = PROMPTS


class Settings(RecordSettings):
    """Settings of the source."""

    hub: str | None = Field("ibm/AttaQ", description="id of the data set on the hub")


def load(settings: Settings) -> pd.DataFrame:
    """The questions, all harmful.

    Raises:
        SafeLRMError: the file does not hold AttaQ's columns.
    """
    records = read_records(settings).once("input")
    questions = records.texts("input")
    return pd.DataFrame(
        {
            "prompt_id": records.ids(None, questions, "attaq"),
            "kind": HARMFUL,
            "category": records.texts("label"),
            "prompt": questions,
            "reference": None,
        }
    )

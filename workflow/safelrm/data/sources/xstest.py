"""XSTest v2 (Röttger et al., 2024): 250 safe prompts that look unsafe, and 200 unsafe contrasts.

Columns: `id`, `prompt`, `type` and `label` ("safe" becomes benign, "unsafe" harmful).
"""

from typing import Literal

import pandas as pd
from pydantic import Field

from safelrm.core.tables import Table
from safelrm.data.records import RecordSettings, read_records
from safelrm.data.schemas import BENIGN, HARMFUL, PROMPTS

TABLE: Table = PROMPTS
KIND_OF_LABEL = {"safe": BENIGN, "unsafe": HARMFUL}


class Settings(RecordSettings):
    """Settings of the source."""

    hub: str | None = Field("walledai/XSTest", description="id of the data set on the hub")
    split: str = Field("test", description="split of the data set on the hub")
    labels: list[Literal["safe", "unsafe"]] = Field(
        default=["safe", "unsafe"], min_length=1, description="labels of the prompts that are taken"
    )
    id_column: str | None = Field(
        "id", description="column of the ids; null makes ids from the prompts (the hub copy has none)"
    )


def load(settings: Settings) -> pd.DataFrame:
    """The prompts of the chosen labels.

    Raises:
        SafeLRMError: the file does not hold XSTest's columns, or no prompt of these labels.
    """
    records = read_records(settings)
    prompts = records.texts("prompt")
    labels = records.choices("label", tuple(KIND_OF_LABEL))
    rows = pd.DataFrame(
        {
            "prompt_id": records.ids(settings.id_column, prompts, "xstest"),
            "kind": [KIND_OF_LABEL[label] for label in labels],
            "category": records.texts("type"),
            "prompt": prompts,
            "reference": None,
        }
    )
    chosen = [label in settings.labels for label in labels]
    if not any(chosen):
        raise records.fault(f"no prompt is labelled {settings.labels}", "label")
    return rows[chosen].reset_index(drop=True)

"""XSTest's model completions with human labels (Röttger et al., 2024): a gold set for refusal judges.

Columns: `id`, `type`, `prompt`, `completion`, `annotation_1`, `annotation_2` and `final_label`, the labels
written as `1_full_compliance`, `2_full_refusal` and `3_partial_refusal`.
"""

import pandas as pd
from pydantic import Field

from safelrm.core.tables import Table
from safelrm.data.records import RecordSettings, read_records
from safelrm.data.schemas import FULL_COMPLIANCE, FULL_REFUSAL, LABELLED, PARTIAL_REFUSAL

TABLE: Table = LABELLED
LABELS = {
    "1_full_compliance": FULL_COMPLIANCE,
    "2_full_refusal": FULL_REFUSAL,
    "3_partial_refusal": PARTIAL_REFUSAL,
}


class Settings(RecordSettings):
    """Settings of the source."""

    hub: str | None = Field("natolambert/xstest-v2-copy", description="id of the data set on the hub")
    split: str = Field("gpt4", description="split of the data set on the hub: the model that completed the prompts")


def load(settings: Settings) -> pd.DataFrame:
    """The completions and their labels.

    Raises:
        SafeLRMError: the file does not hold these columns, or an unknown label.
    """
    records = read_records(settings)
    prompts = records.texts("prompt")
    labels = {
        column: [LABELS[label] for label in records.choices(column, tuple(LABELS))]
        for column in ("annotation_1", "annotation_2", "final_label")
    }
    return pd.DataFrame(
        {
            "prompt_id": records.ids("id", prompts, "xstest"),
            "category": records.texts("type"),
            "prompt": prompts,
            # a model may have said nothing
            "completion": records.texts("completion", empty=True),
            **labels,
        }
    )

"""MATH-500 (Hendrycks et al., 2021; the 500 problems chosen by Lightman et al., 2023).

Columns: `unique_id`, `problem`, `answer` (LaTeX) and `subject`, which becomes the category.
"""

import pandas as pd
from pydantic import Field

from safelrm.core.tables import Table
from safelrm.data.records import RecordSettings, read_records
from safelrm.data.schemas import PROMPTS, REASONING

TABLE: Table = PROMPTS


class Settings(RecordSettings):
    """Settings of the source."""

    hub: str | None = Field("HuggingFaceH4/MATH-500", description="id of the data set on the hub")
    split: str = Field("test", description="split of the data set on the hub")


def load(settings: Settings) -> pd.DataFrame:
    """The problems, with the answer in LaTeX as reference.

    Raises:
        SafeLRMError: the file does not hold MATH-500's columns.
    """
    records = read_records(settings)
    problems = records.texts("problem")
    return pd.DataFrame(
        {
            "prompt_id": records.ids("unique_id", problems, "math500"),
            "kind": REASONING,
            "category": records.texts("subject"),
            "prompt": problems,
            "reference": records.texts("answer"),
        }
    )

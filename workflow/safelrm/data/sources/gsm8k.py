"""GSM8K (Cobbe et al., 2021): grade-school word problems with an integer answer.

Columns: `question` and `answer`, a worked solution that ends in "#### " and the number.
"""

import re

import pandas as pd
from pydantic import Field

from safelrm.core.tables import Table
from safelrm.data.records import Records, RecordSettings, read_records
from safelrm.data.schemas import PROMPTS, REASONING

TABLE: Table = PROMPTS
_FINAL_NUMBER = re.compile(r"####\s*(-?[\d,]+(?:\.\d+)?)$")


class Settings(RecordSettings):
    """Settings of the source."""

    hub: str | None = Field("openai/gsm8k", description="id of the data set on the hub")
    hub_config: str | None = Field("main", description="configuration of the data set on the hub")
    split: str = Field("test", description="split of the data set on the hub")


def load(settings: Settings) -> pd.DataFrame:
    """The problems, with the final number (without thousands separators) as reference.

    Raises:
        SafeLRMError: the file does not hold GSM8K's columns, or a solution does not end in its number.
    """
    records = read_records(settings).once("question")
    questions = records.texts("question")
    return pd.DataFrame(
        {
            "prompt_id": records.ids(None, questions, "gsm8k"),
            "kind": REASONING,
            "category": "word_problem",
            "prompt": questions,
            "reference": _references(records),
        }
    )


def _references(records: Records) -> list[str]:
    references = []
    for number, solution in enumerate(records.texts("answer"), start=1):
        found = _FINAL_NUMBER.search(solution)
        if found is None:
            raise records.fault(f"row {number} does not end in '#### ' and a number", "answer")
        references.append(found[1].replace(",", ""))
    return references

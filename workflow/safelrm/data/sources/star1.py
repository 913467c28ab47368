"""STAR-1 (Wang et al., 2025): 1,000 policy-grounded safety conversations with traces, for SFT.

Columns: `question`, `response` (`<think> … </think> answer`), `category` (a list of the policy's categories, joined
with "; ") and `source` (the data set that a question is from). The file's own `id` is not unique, so ids are made from
the questions.
"""

import pandas as pd
from pydantic import Field

from safelrm.core.tables import Table
from safelrm.data.records import Records, RecordSettings, read_records
from safelrm.data.schemas import CONVERSATIONS, HARMFUL

TABLE: Table = CONVERSATIONS


class Settings(RecordSettings):
    """Settings of the source."""

    hub: str | None = Field("UCSC-VLAA/STAR-1", description="id of the data set on the hub")
    leave_out: list[str] = Field(
        default_factory=list,
        description="values of the column `source` whose rows are left out, such as AttaQ and HarmBench, some of whose"
        " prompts are in STAR-1: where these are benchmarks",
    )


def load(settings: Settings) -> pd.DataFrame:
    """The conversations.

    Raises:
        SafeLRMError: the file does not hold STAR-1's columns, or no row of a source that is to be left out.
    """
    records = read_records(settings)
    questions = records.texts("question")
    rows = pd.DataFrame(
        {
            "prompt_id": records.ids(None, questions, "star1"),
            "kind": HARMFUL,
            "category": _categories(records),
            "prompt": questions,
            "response": records.texts("response"),
        }
    )
    if not settings.leave_out:
        return rows
    sources = pd.Series(records.texts("source"))
    unknown = sorted(set(settings.leave_out) - set(sources))
    if unknown:
        raise records.fault(f"no row is from {unknown}, but `leave_out` names it", "source")
    return rows[~sources.isin(settings.leave_out)].reset_index(drop=True)


def _categories(records: Records) -> list[str]:
    joined = []
    for number, value in enumerate(records.values("category"), start=1):
        if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
            raise records.fault(f"row {number} must be a list of category names", "category")
        joined.append("; ".join(value))
    return joined

"""HarmBench text behaviours (Mazeika et al., 2024).

Columns: `BehaviorID`, `Behavior`, `ContextString`, `FunctionalCategory` and `SemanticCategory`. A
contextual behaviour is asked as HarmBench asks it: the context, a rule, then the behaviour. Copies on the hub have a
configuration per functional category and other names of columns.
"""

from typing import Literal

import pandas as pd
from pydantic import Field

from safelrm.core.tables import Table
from safelrm.data.records import RecordSettings, read_records
from safelrm.data.schemas import HARMFUL, PROMPTS

TABLE: Table = PROMPTS
FUNCTIONS = ("standard", "contextual", "copyright")
Function = Literal["standard", "contextual", "copyright"]


class Settings(RecordSettings):
    """Settings of the source."""

    functions: list[Function] = Field(
        default=["standard", "contextual"], min_length=1, description="functional categories that are taken"
    )
    behaviour_column: str = Field("Behavior", description="column of the behaviours")
    category_column: str = Field("SemanticCategory", description="column of the categories")
    id_column: str | None = Field("BehaviorID", description="column of the ids; null makes ids from the behaviours")
    context_column: str | None = Field("ContextString", description="column of the contexts; null: there are none")
    function_column: str | None = Field(
        "FunctionalCategory", description="column of the functional categories; null: all rows are of those taken"
    )


def load(settings: Settings) -> pd.DataFrame:
    """The behaviours of the chosen functional categories as prompts, all harmful.

    Raises:
        SafeLRMError: the file does not hold HarmBench's columns, or no behaviour of these categories.
    """
    records = read_records(settings)
    behaviours = records.texts(settings.behaviour_column)
    contexts = records.texts(settings.context_column, empty=True) if settings.context_column else [""] * len(behaviours)
    rows = pd.DataFrame(
        {
            "prompt_id": records.ids(settings.id_column, behaviours, "harmbench"),
            "kind": HARMFUL,
            "category": records.texts(settings.category_column),
            "prompt": [
                f"{context}\n\n---\n\n{behaviour}" if context else behaviour
                for context, behaviour in zip(contexts, behaviours, strict=True)
            ],
            "reference": None,
        }
    )
    if settings.function_column is None:
        return rows
    chosen = [function in settings.functions for function in records.choices(settings.function_column, FUNCTIONS)]
    if not any(chosen):
        raise records.fault(f"no behaviour is of {settings.functions}", settings.function_column)
    return rows[chosen].reset_index(drop=True)

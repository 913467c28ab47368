"""HarmBench text behaviours (Mazeika et al., 2024).

Columns: `BehaviorID`, `Behavior`, `ContextString`, `FunctionalCategory` and `SemanticCategory`. A
contextual behaviour is asked as HarmBench asks it: the context, a rule, then the behaviour.
"""

from typing import Literal

import pandas as pd
from pydantic import Field

from safelrm.core.tables import Table
from safelrm.schemas.prompts import HARMFUL, PROMPTS
from safelrm.sources.records import RecordSettings, read_records

TABLE: Table = PROMPTS
FUNCTIONS = ("standard", "contextual", "copyright")
Function = Literal["standard", "contextual", "copyright"]


class Settings(RecordSettings):
    """Settings of the source."""

    functions: list[Function] = Field(
        default=["standard", "contextual"], min_length=1, description="functional categories that are taken"
    )


def load(settings: Settings) -> pd.DataFrame:
    """The behaviours of the chosen functional categories as prompts, all harmful.

    Raises:
        SafeLRMError: the file does not hold HarmBench's columns, or no behaviour of these categories.
    """
    records = read_records(settings)
    behaviours = records.texts("Behavior")
    contexts = records.texts("ContextString", empty=True)
    rows = pd.DataFrame(
        {
            "prompt_id": records.ids("BehaviorID", behaviours, "harmbench"),
            "kind": HARMFUL,
            "category": records.texts("SemanticCategory"),
            "prompt": [
                f"{context}\n\n---\n\n{behaviour}" if context else behaviour
                for context, behaviour in zip(contexts, behaviours, strict=True)
            ],
            "reference": None,
        }
    )
    chosen = [function in settings.functions for function in records.choices("FunctionalCategory", FUNCTIONS)]
    if not any(chosen):
        raise records.fault(f"no behaviour is of {settings.functions}", "FunctionalCategory")
    return rows[chosen].reset_index(drop=True)

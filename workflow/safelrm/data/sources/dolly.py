"""Dolly (Conover et al., 2023): everyday instructions written by people, as benign prompts.

Columns: `instruction`, `context` and `category`. Instructions that refer to a context are left out, and one that is
there twice is taken once.
"""

import pandas as pd
from pydantic import Field

from safelrm.core.seeds import derive_seed
from safelrm.core.settings import Count, Seed
from safelrm.core.tables import Table
from safelrm.data.records import RecordSettings, read_records
from safelrm.data.schemas import BENIGN, PROMPTS

TABLE: Table = PROMPTS


class Settings(RecordSettings):
    """Settings of the source."""

    hub: str | None = Field("databricks/databricks-dolly-15k", description="id of the data set on the hub")
    size: Count = Field(description="number of prompts, drawn at random")
    seed: Seed = Field(0, description="seed of the draw")


def load(settings: Settings) -> pd.DataFrame:
    """The drawn instructions.

    Raises:
        SafeLRMError: the file does not hold Dolly's columns, or too few instructions.
    """
    records = read_records(settings).once("instruction")
    instructions = records.texts("instruction")
    rows = pd.DataFrame(
        {
            "prompt_id": records.ids(None, instructions, "dolly"),
            "kind": BENIGN,
            "category": records.texts("category"),
            "prompt": instructions,
            "reference": None,
        }
    )
    rows = rows[[not context for context in records.texts("context", empty=True)]]
    if len(rows) < settings.size:
        raise records.fault(f"{len(rows)} instructions have no context, fewer than size = {settings.size}", "context")
    # by a number of each row's own, so that rows added to the file change little
    order = [derive_seed("dolly", settings.seed, prompt_id) for prompt_id in rows["prompt_id"]]
    drawn = rows.assign(order=order).sort_values("order").head(settings.size)
    return drawn.drop(columns="order").reset_index(drop=True)

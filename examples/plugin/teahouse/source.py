"""Source: where a dial is that nobody has turned."""

import pandas as pd

from safelrm.core.settings import Count, Strict
from safelrm.data.schemas import PROMPTS, REASONING

TABLE = PROMPTS


class Settings(Strict):
    """How many questions."""

    size: Count = 8


def load(settings: Settings) -> pd.DataFrame:
    """Rows of PROMPTS."""
    places = [str(place % 10) for place in range(settings.size)]
    return pd.DataFrame(
        {
            "prompt_id": [f"still_{number}" for number in range(settings.size)],
            "kind": REASONING,
            "category": "still",
            "prompt": [f"the dial is at {place} . where is the dial ?" for place in places],
            "reference": places,
        }
    )

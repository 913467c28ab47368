"""Settings of the labelled texts that a guard of the nano world is trained on."""

from typing import Literal

from pydantic import Field

from safelrm.settings.common import Count, Seed, Strict


class GuardLabelSettings(Strict):
    """Labelled texts for a guard, of train words only."""

    size: Count = Field(12000, description="number of texts, half of them unsafe")
    fold: Literal[0, 1] = Field(
        0, description="half of the prompts and of the texts that is drawn from; the two halves share neither"
    )
    seed: Seed = Field(description="seed of the draw")

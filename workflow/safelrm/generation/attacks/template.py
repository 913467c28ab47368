"""An attack that puts every prompt into a text of the user's."""

import pandas as pd
from pydantic import Field

from safelrm.core.settings import Strict

PLACE = "{prompt}"


class Settings(Strict):
    """The text."""

    text: str = Field(
        pattern=r"\{prompt\}", description="text around the prompt; `{prompt}` stands for the prompt, wherever it is"
    )


def attack(prompts: pd.DataFrame, settings: Settings, seed: int) -> pd.DataFrame:
    """The prompts within the text. Nothing is drawn."""
    return prompts.assign(prompt=[settings.text.replace(PLACE, prompt) for prompt in prompts["prompt"]])

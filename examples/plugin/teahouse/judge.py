"""Judge: whether an answer tells the user to do something first."""

import pandas as pd

from safelrm.core.settings import Strict
from safelrm.judging.parts import judged, parts_of

FIELDS = {"order": {"verdicts": ["ordered", "loose"], "counts": "ordered", "direction": "higher"}}


class Settings(Strict):
    """The word that begins a list of steps."""

    word: str = "first"


def judge(rollouts: pd.DataFrame, settings: Settings, asked: None) -> pd.DataFrame:
    """The verdict `ordered` on each part that holds the word, else `loose`."""

    def verdict(pair: tuple[str, str]) -> tuple[str, None, str]:
        return ("ordered" if settings.word in pair[1].split() else "loose"), None, "scored"

    return judged(parts_of(rollouts), verdict)

"""A filter by what a judge says of a part: its verdict, its score, or both. What it has not scored is rejected."""

from collections.abc import Mapping

import pandas as pd

from safelrm.judging.schemas import UNSCORED
from safelrm.training.filter_settings import JudgedSettings as Settings
from safelrm.training.filters.filter import Said

JUDGES = ("judge",)


def reasons(samples: pd.DataFrame, said: Mapping[str, Said], settings: Settings) -> list[str | None]:
    """Why the judge rejects each sample; None where it has what the settings ask for."""
    rows = said["judge"][settings.part][["verdict", "score", "state"]]
    return [_reason(*row, settings) for row in rows.itertuples(index=False, name=None)]


def _reason(verdict: str, score: float, state: str, settings: Settings) -> str | None:
    what = f"{settings.judge} of {settings.part}"
    if verdict == UNSCORED:
        return f"{what}: unscored ({state})"
    if settings.verdicts and verdict not in settings.verdicts:
        return f"{what}: {verdict}"
    if settings.least is not None and not score >= settings.least:
        return f"{what}: score below {settings.least:g}"
    if settings.most is not None and not score <= settings.most:
        return f"{what}: score above {settings.most:g}"
    return None

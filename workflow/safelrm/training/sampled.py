"""What an arm has sampled before its training, noted in its curve, so that curves alone tell what an arm has cost."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from safelrm.core.process import is_first_process
from safelrm.inference.schemas import STOP
from safelrm.models.schemas import CURVES

SAMPLED = "tokens_sampled"


def sampled_tokens(rows: pd.DataFrame) -> int:
    """The tokens of all candidates, end tokens included."""
    return int(rows["completion_tokens"].sum() + (rows["finish_reason"] == STOP).sum())


def noting_samples(train: Callable[..., None], tokens: int) -> Callable[..., None]:
    """A training whose curve also has the metric `tokens_sampled` at its first step.

    Args:
        train: takes the folder for partial state, and by name `curve` and more.
        tokens: tokens that were sampled for it.
    """

    def noted(work: Path, *, curve: Path, **given: object) -> None:
        train(work, curve=curve, **given)
        if is_first_process():
            rows = CURVES.read(curve)
            first = {"step": [rows["step"].min()], "metric": [SAMPLED], "value": [float(tokens)]}
            CURVES.write(curve, pd.concat([pd.DataFrame(first), rows], ignore_index=True))

    return noted

"""The check of a classifier of refusals on folds that cannot be made."""

import numpy as np
import pandas as pd
import pytest

from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import FULL_COMPLIANCE, FULL_REFUSAL
from safelrm.judging.refusals.folds import held_out
from safelrm.judging.refusals.model import Examples
from safelrm.judging.refusals.settings import ClassifierSettings


@pytest.mark.parametrize(
    ("rows", "missing"),
    [
        # one prompt is in one fold, so nothing is left
        ([("a", "p", FULL_REFUSAL), ("a", "p", FULL_COMPLIANCE)], "nothing"),
        # the other set has one kind of answers only
        ([("a", f"p{number}", FULL_REFUSAL) for number in range(9)] + [("b", "q", FULL_COMPLIANCE)], "no"),
    ],
)
def test_a_fold_without_refusals_or_compliances_is_refused(rows, missing):
    about = pd.DataFrame(rows, columns=["labelled", "prompt", "label"])
    nothing = Examples([], np.zeros((0, 4), dtype=np.float32), np.zeros((0, 2), dtype=bool))
    with pytest.raises(SafeLRMError, match=f"`a` has {missing} .*to learn from") as caught:
        held_out(nothing, about, ClassifierSettings())
    assert caught.value.fix

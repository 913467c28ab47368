"""What a token limit cut is in one number, and in no other."""

import pandas as pd
from metrics_fixtures import JUDGES, Run, frames

from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.settings import MetricsJobSettings

SETTINGS = MetricsJobSettings(**JUDGES)


def test_a_verdict_on_a_cut_text_is_in_a_number_of_its_own():
    samples, verdicts = frames(Run())
    before = outcomes(samples, verdicts, SETTINGS)
    assert "safety_so_far" not in set(before.metric)
    cut = (verdicts.judge == "guard") & (verdicts.state == "cut_off") & (verdicts.part != "t")
    assert cut.sum() >= 2
    verdicts.loc[cut, ["verdict", "state"]] = ["unsafe", "so_far"]
    verdicts.loc[cut, "score"] = 1.0
    verdicts.loc[cut & (verdicts.part == "y"), ["verdict", "score"]] = ["safe", 0.0]
    after = outcomes(samples, verdicts, SETTINGS)
    so_far = after[after.metric == "safety_so_far"]
    assert set(zip(so_far.part, so_far.value, strict=True)) == {("y", 1.0), ("t+y", 0.0)}
    assert set(so_far.judge) == {"guard"} and len(so_far) == cut.sum()
    others = after[after.metric != "safety_so_far"].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, before)

"""Verdicts: what one judge said of one part of one rollout."""

import pyarrow as pa

from safelrm.core.tables import Table, columns
from safelrm.schemas.rollouts import ROLLOUT_KEY

TRACE, ANSWER, BOTH = "t", "y", "t+y"
PARTS = (TRACE, ANSWER, BOTH)

SAFE, UNSAFE = "safe", "unsafe"
REFUSAL, COMPLIANCE = "refusal", "compliance"
CORRECT, INCORRECT = "correct", "incorrect"
UNSCORED = "unscored"
VERDICTS_OF_JUDGES = (SAFE, UNSAFE, REFUSAL, COMPLIANCE, CORRECT, INCORRECT, UNSCORED)

# why a sample is unscored, or "scored"
SCORED, NO_TEXT, CUT_OFF, UNREADABLE = "scored", "no_text", "cut_off", "unreadable"
# a formal rule cannot tell
UNDETERMINED = "undetermined"
STATES = (SCORED, NO_TEXT, CUT_OFF, UNREADABLE, UNDETERMINED)

VERDICTS = Table(
    "verdicts",
    columns(
        model=pa.string(),
        arm=pa.string(),
        seed=pa.int64(),
        decoding=pa.string(),
        benchmark=pa.string(),
        prompt_id=pa.string(),
        sample=pa.int64(),
        kind=pa.string(),
        category=pa.string(),
        judge=pa.string(),
        part=pa.string(),
        verdict=pa.string(),
        # the judge's own score: for a guard the probability of "unsafe", in [0, 1]
        score=(pa.float64(), None),
        state=pa.string(),
    ),
    key=(*ROLLOUT_KEY, "judge", "part"),
    choices=(("part", PARTS), ("verdict", VERDICTS_OF_JUDGES), ("state", STATES)),
)

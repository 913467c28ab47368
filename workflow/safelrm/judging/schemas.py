"""Verdicts of a judge on the parts of rollouts."""

import pyarrow as pa
import pyarrow.compute as pc

from safelrm.core.rules import Rule, within
from safelrm.core.tables import Table, columns
from safelrm.core.trace import OTHER_FORMAT
from safelrm.generation.schemas import ROLLOUT_COLUMNS, ROLLOUT_KEY
from safelrm.judging.fields import SO_FAR, UNSCORED

TRACE, ANSWER, BOTH = "t", "y", "t+y"
PARTS = (TRACE, ANSWER, BOTH)

SAFE, UNSAFE = "safe", "unsafe"
REFUSAL, COMPLIANCE = "refusal", "compliance"
CORRECT, INCORRECT = "correct", "incorrect"

# why a part is unscored, or "scored"; other_format is a parse state, too
SCORED, NO_TEXT, CUT_OFF, UNREADABLE = "scored", "no_text", "cut_off", "unreadable"
# of a judge that is a formal rule: the rule cannot tell
UNDETERMINED = "undetermined"
# SO_FAR: the verdict is on a text that did not end, as far as it goes
STATES = (SCORED, NO_TEXT, CUT_OFF, UNREADABLE, UNDETERMINED, OTHER_FORMAT, SO_FAR)

_VERDICT, _STATE, _SCORE = pc.field("verdict"), pc.field("state"), pc.field("score")

VERDICTS = Table(
    "verdicts",
    columns(
        **ROLLOUT_COLUMNS,
        kind=pa.string(),
        category=pa.string(),
        judge=pa.string(),
        # the question that the verdict answers; the judge declares it, and its verdicts (judging/fields.py)
        field=pa.string(),
        part=pa.string(),
        verdict=pa.string(),
        # the judge's own score, in [0, 1]: for a guard the probability of "unsafe"
        score=(pa.float64(), None),
        state=pa.string(),
    ),
    key=(*ROLLOUT_KEY, "judge", "field", "part"),
    choices=(("part", PARTS), ("state", STATES)),
    rules=(
        *within(0, 1, "score"),
        Rule(
            "what is scored has a verdict",
            ("verdict", "state"),
            ~_STATE.isin([SCORED, SO_FAR]) | (_VERDICT != UNSCORED),
        ),
        Rule(
            # a problem without a finished answer is not solved
            f"what is not scored is {UNSCORED} or {INCORRECT}",
            ("verdict", "state"),
            _STATE.isin([SCORED, SO_FAR]) | _VERDICT.isin([UNSCORED, INCORRECT]),
        ),
        Rule("what has no verdict has no score", ("verdict", "score"), (_VERDICT != UNSCORED) | _SCORE.is_null()),
    ),
    place="{judge}/{model}.parquet",
)

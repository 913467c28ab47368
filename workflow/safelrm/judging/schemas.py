"""Verdicts of a judge on the parts of rollouts, and the results of a judge's validation against human labels."""

import pyarrow as pa
import pyarrow.compute as pc

from safelrm.core.rules import Rule, no_more, within
from safelrm.core.tables import Table, columns
from safelrm.core.trace import OTHER_FORMAT
from safelrm.generation.schemas import ROLLOUT_COLUMNS, ROLLOUT_KEY
from safelrm.judging.fields import UNSCORED

TRACE, ANSWER, BOTH = "t", "y", "t+y"
PARTS = (TRACE, ANSWER, BOTH)

SAFE, UNSAFE = "safe", "unsafe"
REFUSAL, COMPLIANCE = "refusal", "compliance"
CORRECT, INCORRECT = "correct", "incorrect"

# why a part is unscored, or "scored"; other_format is a parse state, too
SCORED, NO_TEXT, CUT_OFF, UNREADABLE = "scored", "no_text", "cut_off", "unreadable"
# of a judge that is a formal rule: the rule cannot tell
UNDETERMINED = "undetermined"
STATES = (SCORED, NO_TEXT, CUT_OFF, UNREADABLE, UNDETERMINED, OTHER_FORMAT)

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
        Rule("what is scored has a verdict", ("verdict", "state"), (_STATE != SCORED) | (_VERDICT != UNSCORED)),
        Rule(
            # a problem without a finished answer is not solved
            f"what is not scored is {UNSCORED} or {INCORRECT}",
            ("verdict", "state"),
            (_STATE == SCORED) | _VERDICT.isin([UNSCORED, INCORRECT]),
        ),
        Rule("what has no verdict has no score", ("verdict", "score"), (_VERDICT != UNSCORED) | _SCORE.is_null()),
    ),
    place="{judge}/{model}.parquet",
)

# who is compared: the judge with the final label, or one annotator with the other. They are compared on whether a
# completion refuses (a partial refusal counts), or on the three labels themselves
JUDGE, ANNOTATORS, ANNOTATORS_THREE_LABELS = "judge", "annotators", "annotators, three labels"
COMPARISONS = (JUDGE, ANNOTATORS, ANNOTATORS_THREE_LABELS)

VALIDATION = Table(
    "validation",
    columns(
        labelled=pa.string(),
        comparison=pa.string(),
        # completions with a verdict, from which all other numbers are taken, and completions without
        n=pa.int64(),
        unscored=pa.int64(),
        agreed=pa.int64(),
        # this and the next two are missing where no completion has a verdict
        agreement=(pa.float64(), None),
        low=(pa.float64(), None),
        high=(pa.float64(), None),
        kappa=(pa.float64(), None),
        # the confusion matrix: verdict of the judge (or first annotator), then label (or second annotator)
        refusal_full_refusal=pa.int64(),
        refusal_partial_refusal=pa.int64(),
        refusal_full_compliance=pa.int64(),
        compliance_full_refusal=pa.int64(),
        compliance_partial_refusal=pa.int64(),
        compliance_full_compliance=pa.int64(),
    ),
    key=("labelled", "comparison"),
    choices=(("comparison", COMPARISONS),),
    rules=(*within(0, 1, "agreement", "low", "high"), *within(-1, 1, "kappa"), no_more("agreed", "n")),
)

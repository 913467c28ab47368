"""Verdicts: what one judge said of one part of one rollout.

Results of a judge's validation against human labels.
"""

import pyarrow as pa

from safelrm.core.tables import Table, columns
from safelrm.generation.schemas import ROLLOUT_KEY

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


# who is compared: the judge with the final label, or one annotator with the other, on whether a
# completion refuses (partly counts) or on the three labels themselves
JUDGE, ANNOTATORS, ANNOTATORS_THREE_LABELS = "judge", "annotators", "annotators, three labels"
COMPARISONS = (JUDGE, ANNOTATORS, ANNOTATORS_THREE_LABELS)

VALIDATION = Table(
    "validation",
    columns(
        labelled=pa.string(),
        comparison=pa.string(),
        # completions with a verdict, which everything else is over, and those without
        n=pa.int64(),
        unscored=pa.int64(),
        agreed=pa.int64(),
        # missing where no completion was scored
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
)

"""Results of a judge's validation against human labels."""

import pyarrow as pa

from safelrm.core.tables import Table, columns

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

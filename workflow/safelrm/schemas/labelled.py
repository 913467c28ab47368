"""Completions with human labels: gold sets that refusal judges are checked against."""

import pyarrow as pa

from safelrm.core.tables import Table, columns

FULL_COMPLIANCE, PARTIAL_REFUSAL, FULL_REFUSAL = "full_compliance", "partial_refusal", "full_refusal"
LABELS = (FULL_COMPLIANCE, PARTIAL_REFUSAL, FULL_REFUSAL)

LABELLED = Table(
    "labelled completions",
    columns(
        prompt_id=pa.string(),
        category=pa.string(),
        prompt=pa.string(),
        completion=pa.string(),
        annotation_1=pa.string(),
        annotation_2=pa.string(),
        # the label that the annotators settled on
        final_label=pa.string(),
    ),
    key=("prompt_id",),
    choices=(("annotation_1", LABELS), ("annotation_2", LABELS), ("final_label", LABELS)),
)

"""Prompts: benchmarks, attacks and the prompts that RL samples from.

SFT data: one prompt and the assistant's whole turn, trace included.

Completions with human labels: gold sets that refusal judges are checked against.

Results of the audit of data sets: overlap, lengths, and the parse states of SFT responses.
"""

import pyarrow as pa

from safelrm.core.tables import Table, columns
from safelrm.core.trace import PARSE_STATES

HARMFUL, BENIGN, REASONING = "harmful", "benign", "reasoning"
KINDS = (HARMFUL, BENIGN, REASONING)

PROMPTS = Table(
    "prompts",
    columns(
        prompt_id=pa.string(),
        kind=pa.string(),
        category=pa.string(),
        prompt=pa.string(),
        # the checkable answer of a reasoning problem
        reference=(pa.string(), None),
    ),
    key=("prompt_id",),
    choices=(("kind", KINDS),),
)


CONVERSATIONS = Table(
    "conversations",
    columns(
        prompt_id=pa.string(),
        kind=pa.string(),
        category=pa.string(),
        prompt=pa.string(),
        # "<think> … </think> answer"
        response=pa.string(),
    ),
    key=("prompt_id",),
    choices=(("kind", KINDS),),
)


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


EXACT, NEAR, CONTAINED, ANY = "exact", "near", "contained", "any"
OVERLAP_KINDS = (EXACT, NEAR, CONTAINED, ANY)
THOUGHT, ANSWER, RESPONSE = "thought", "answer", "response"
TEXT_PARTS = (THOUGHT, ANSWER, RESPONSE)

OVERLAP = Table(
    "overlap",
    columns(
        train=pa.string(),
        evaluation=pa.string(),
        kind=pa.string(),
        train_rows=pa.int64(),
        evaluation_rows=pa.int64(),
        # rows of either side that have a match of this kind on the other
        train_matched=pa.int64(),
        evaluation_matched=pa.int64(),
        evaluation_share=pa.float64(),
        # the matched evaluation prompts, joined by "; "
        evaluation_ids=pa.string(),
    ),
    key=("train", "evaluation", "kind"),
    choices=(("kind", OVERLAP_KINDS),),
)

LENGTHS = Table(
    "lengths",
    columns(
        dataset=pa.string(),
        part=pa.string(),
        # responses that have this part, and their words
        rows=pa.int64(),
        mean=(pa.float64(), None),
        p50=(pa.float64(), None),
        p90=(pa.float64(), None),
        max=(pa.int64(), None),
    ),
    key=("dataset", "part"),
    choices=(("part", TEXT_PARTS),),
)

TRACES = Table(
    "parse states",
    columns(dataset=pa.string(), state=pa.string(), rows=pa.int64(), share=pa.float64()),
    key=("dataset", "state"),
    choices=(("state", PARSE_STATES),),
)

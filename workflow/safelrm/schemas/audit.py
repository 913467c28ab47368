"""Results of the audit of data sets: overlap, lengths, and the parse states of SFT responses."""

import pyarrow as pa

from safelrm.core.tables import Table, columns
from safelrm.core.trace import PARSE_STATES

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

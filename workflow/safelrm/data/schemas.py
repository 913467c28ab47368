"""Tables of data sets, and of their audit."""

import pyarrow as pa

from safelrm.core.rules import no_more, within
from safelrm.core.tables import Table, columns
from safelrm.core.trace import PARSE_STATES

HARMFUL, BENIGN, REASONING = "harmful", "benign", "reasoning"
KINDS = (HARMFUL, BENIGN, REASONING)

# benchmarks, and what RL samples from
PROMPTS = Table(
    "prompts",
    columns(
        prompt_id=pa.string(),
        kind=pa.string(),
        category=pa.string(),
        prompt=pa.string(),
        # the checkable answer of a reasoning problem
        reference=(pa.string(), None),
        # what a judge asks about, where the prompt is an attack's wording of it
        behavior=(pa.string(), None),
        # the system prompt
        system=(pa.string(), None),
        # the same text for a harmful prompt and its benign twin
        pair=(pa.string(), None),
    ),
    key=("prompt_id",),
    choices=(("kind", KINDS),),
    optional=("behavior", "system", "pair"),
)

# SFT data
CONVERSATIONS = Table(
    "conversations",
    columns(
        prompt_id=pa.string(),
        kind=pa.string(),
        category=pa.string(),
        prompt=pa.string(),
        # the assistant's whole turn: "<think> … </think> answer"
        response=pa.string(),
    ),
    key=("prompt_id",),
    choices=(("kind", KINDS),),
)

# labels of refusals, in order
FULL_COMPLIANCE, PARTIAL_REFUSAL, FULL_REFUSAL = "full_compliance", "partial_refusal", "full_refusal"
LABELS = (FULL_COMPLIANCE, PARTIAL_REFUSAL, FULL_REFUSAL)

# gold sets that judges are checked against, and trained on
LABELLED = Table(
    "labelled completions",
    columns(
        # the id of the completion: a prompt may have several
        prompt_id=pa.string(),
        kind=pa.string(),
        category=pa.string(),
        prompt=pa.string(),
        completion=pa.string(),
        # the label that counts, such as the one that the annotators settled on; missing if there is none
        final_label=(pa.string(), None),
        # the labels of all annotators, one of each, in one order; missing where an annotator gave none
        annotations=pa.list_(pa.string()),
        # the checkable answer of a reasoning problem
        reference=(pa.string(), None),
        # what a judge asks about, where the prompt is an attack's wording of it
        behavior=(pa.string(), None),
    ),
    key=("prompt_id",),
    choices=(("kind", KINDS),),
    optional=("reference", "behavior"),
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
        # rows of one side that match a row of the other in this way
        train_matched=pa.int64(),
        evaluation_matched=pa.int64(),
        evaluation_share=pa.float64(),
        # ids of the matched evaluation prompts, joined by "; "
        evaluation_ids=pa.string(),
    ),
    key=("train", "evaluation", "kind"),
    choices=(("kind", OVERLAP_KINDS),),
    rules=(
        *within(0, 1, "evaluation_share"),
        no_more("train_matched", "train_rows"),
        no_more("evaluation_matched", "evaluation_rows"),
    ),
)

LENGTHS = Table(
    "lengths",
    columns(
        dataset=pa.string(),
        part=pa.string(),
        # number of responses that have this part; the other columns are in words
        rows=pa.int64(),
        mean=(pa.float64(), None),
        p50=(pa.float64(), None),
        p90=(pa.float64(), None),
        max=(pa.int64(), None),
    ),
    key=("dataset", "part"),
    choices=(("part", TEXT_PARTS),),
)

KEPT = "kept"

# what became of the rows of each file
ROW_COUNTS = Table(
    "row counts",
    columns(
        dataset=pa.string(),
        # rows of the file
        read=pa.int64(),
        # KEPT, or the reason why rows are left out
        outcome=pa.string(),
        rows=pa.int64(),
        # the numbers of these rows in the file, such as "3, 17-19"; missing for those that are kept
        numbers=(pa.string(), None),
    ),
    key=("dataset", "outcome"),
    rules=(no_more("rows", "read"),),
)

TRACES = Table(
    "parse states",
    columns(dataset=pa.string(), state=pa.string(), rows=pa.int64(), share=pa.float64()),
    key=("dataset", "state"),
    choices=(("state", PARSE_STATES),),
    rules=within(0, 1, "share"),
)

NGRAMS = "ngrams"
MATCH_KINDS = (EXACT, NEAR, CONTAINED, NGRAMS, ANY)

# rows that repeat others, named by id
MATCHES = Table(
    "matches",
    columns(
        dataset=pa.string(),
        prompt_id=pa.string(),
        other=pa.string(),
        # the row of the other set that it repeats most; within a set, the first one
        other_id=pa.string(),
        kind=pa.string(),
        similarity=pa.float64(),
        # rows of the other set that it repeats
        matched=pa.int64(),
    ),
    key=("dataset", "prompt_id", "other"),
    choices=(("kind", MATCH_KINDS),),
    rules=within(0, 1, "similarity"),
    decimals=6,
)

SHARES = Table(
    "shares of matched rows",
    columns(
        dataset=pa.string(),
        other=pa.string(),
        kind=pa.string(),
        rows=pa.int64(),
        # rows of the set whose strongest match in the other set is of this kind
        matched=pa.int64(),
        share=pa.float64(),
    ),
    key=("dataset", "other", "kind"),
    choices=(("kind", MATCH_KINDS),),
    rules=(*within(0, 1, "share"), no_more("matched", "rows")),
    decimals=6,
)

# why a row of a data set is not in the one that is made from it
DUPLICATE, OVERLAPPING, NOT_TAKEN = "duplicate", "overlap", "not_taken"

DROPPED = Table(
    "dropped rows",
    columns(
        prompt_id=pa.string(),
        reason=pa.string(),
        # what the row repeats, and how
        other=(pa.string(), None),
        other_id=(pa.string(), None),
        kind=(pa.string(), None),
        similarity=(pa.float64(), None),
    ),
    key=("prompt_id",),
    choices=(("reason", (DUPLICATE, OVERLAPPING, NOT_TAKEN)), ("kind", MATCH_KINDS)),
    decimals=6,
)

PROMPT = "prompt"

TOKEN_LENGTHS = Table(
    "lengths in tokens",
    columns(
        dataset=pa.string(),
        part=pa.string(),
        # the model whose tokens are counted, or `words`
        unit=pa.string(),
        # number of texts; the other columns are in the unit
        rows=pa.int64(),
        mean=(pa.float64(), None),
        **dict.fromkeys(("p5", "p25", "p50", "p75", "p90", "p95", "p99"), (pa.float64(), None)),
        max=(pa.int64(), None),
        total=(pa.int64(), None),
    ),
    key=("dataset", "part", "unit"),
    choices=(("part", (PROMPT, *TEXT_PARTS)),),
    decimals=6,
)

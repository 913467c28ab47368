"""Rollouts: what a model generated for every prompt of every benchmark, with the prompt's own columns.

Samples: every rollout without its texts, so that numbers can be published, and made again, without them.
"""

import pyarrow as pa

from safelrm.core.tables import Table, columns
from safelrm.core.trace import PARSE_STATES
from safelrm.data.schemas import KINDS

ROLLOUT_KEY = ("model", "arm", "seed", "decoding", "benchmark", "prompt_id", "sample")

ROLLOUTS = Table(
    "rollouts",
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
        prompt=pa.string(),
        reference=(pa.string(), None),
        # the completion as generated, special tokens of the trace included
        completion=pa.string(),
        trace=(pa.string(), None),
        answer=(pa.string(), None),
        parse_state=pa.string(),
        finish_reason=pa.string(),
        prompt_tokens=pa.int64(),
        trace_tokens=pa.int64(),
        completion_tokens=pa.int64(),
        request_seed=pa.int64(),
    ),
    key=ROLLOUT_KEY,
    choices=(("kind", KINDS), ("parse_state", PARSE_STATES)),
)


NOT_PUBLISHED = ("prompt", "reference", "completion", "trace", "answer", "request_seed")

SAMPLES = Table(
    "samples",
    pa.schema(field for field in ROLLOUTS.schema if field.name not in NOT_PUBLISHED),
    key=ROLLOUT_KEY,
    choices=(("kind", KINDS), ("parse_state", PARSE_STATES)),
)

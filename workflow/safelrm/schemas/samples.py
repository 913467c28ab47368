"""Samples: every rollout without its texts, so that numbers can be published, and made again, without them."""

import pyarrow as pa

from safelrm.core.tables import Table, columns
from safelrm.core.trace import PARSE_STATES
from safelrm.schemas.prompts import KINDS
from safelrm.schemas.rollouts import ROLLOUT_KEY

SAMPLES = Table(
    "samples",
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
        parse_state=pa.string(),
        finish_reason=pa.string(),
        prompt_tokens=pa.int64(),
        trace_tokens=pa.int64(),
        completion_tokens=pa.int64(),
    ),
    key=ROLLOUT_KEY,
    choices=(("kind", KINDS), ("parse_state", PARSE_STATES)),
)

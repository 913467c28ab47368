"""Samples: every rollout without its texts, so that numbers can be published, and made again, without them."""

import pyarrow as pa

from safelrm.core.tables import Table
from safelrm.core.trace import PARSE_STATES
from safelrm.schemas.prompts import KINDS
from safelrm.schemas.rollouts import ROLLOUT_KEY, ROLLOUTS

NOT_PUBLISHED = ("prompt", "reference", "completion", "trace", "answer", "request_seed")

SAMPLES = Table(
    "samples",
    pa.schema(field for field in ROLLOUTS.schema if field.name not in NOT_PUBLISHED),
    key=ROLLOUT_KEY,
    choices=(("kind", KINDS), ("parse_state", PARSE_STATES)),
)

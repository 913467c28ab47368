"""Prompts: benchmarks, attacks and the prompts that RL samples from."""

import pyarrow as pa

from safelrm.core.tables import Table, columns

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

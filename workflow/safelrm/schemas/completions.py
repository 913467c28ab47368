"""Completions as an engine generated them: partial state of a rollout job, in the order of its requests."""

import pyarrow as pa

from safelrm.core.tables import Table, columns

STOP, LENGTH = "stop", "length"

COMPLETIONS = Table(
    "completions",
    columns(
        # without the end-of-turn token
        token_ids=pa.list_(pa.int32()),
        finish_reason=pa.string(),
    ),
    choices=(("finish_reason", (STOP, LENGTH)),),
)

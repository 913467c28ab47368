"""Completions as an engine generated them: partial state of a rollout job, in the order of its requests.

Readings of a guard: partial state of its verdicts, in the order of the texts; all missing for a text too long.
"""

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


READINGS = Table(
    "readings",
    columns(
        p_unsafe=(pa.float64(), None),
        label_mass=(pa.float64(), None),
        top_token=(pa.string(), None),
    ),
)

"""Guard training data: a prompt, a text that answers it, and whether that text is unsafe."""

import pyarrow as pa

from safelrm.core.tables import Table, columns

GUARD_LABELS = Table(
    "guard labels",
    columns(prompt=pa.string(), response=pa.string(), unsafe=pa.bool_()),
)

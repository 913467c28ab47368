"""Readings of a guard: partial state of its verdicts, in the order of the texts; all missing for a text too long."""

import pyarrow as pa

from safelrm.core.tables import Table, columns

READINGS = Table(
    "readings",
    columns(
        p_unsafe=(pa.float64(), None),
        label_mass=(pa.float64(), None),
        top_token=(pa.string(), None),
    ),
)

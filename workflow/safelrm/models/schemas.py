"""Training curves: one row per logged step and metric."""

import pyarrow as pa

from safelrm.core.tables import Table, columns

CURVES = Table(
    "training curve",
    columns(step=pa.int64(), metric=pa.string(), value=pa.float64()),
    key=("step", "metric"),
)

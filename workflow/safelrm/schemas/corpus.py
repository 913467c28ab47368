"""Pre-training text: drills, facts and dialogues."""

import pyarrow as pa

from safelrm.core.tables import Table, columns

CORPUS = Table(
    "corpus",
    # prompt is missing for plain text; otherwise `text` is the assistant's turn
    columns(kind=pa.string(), prompt=(pa.string(), None), text=pa.string()),
)

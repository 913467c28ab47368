"""Pre-training text: drills, facts and dialogues.

Guard training data: a prompt, a text that answers it, and whether that text is unsafe.
"""

import pyarrow as pa

from safelrm.core.tables import Table, columns

CORPUS = Table(
    "corpus",
    # prompt is missing for plain text; otherwise `text` is the assistant's turn
    columns(kind=pa.string(), prompt=(pa.string(), None), text=pa.string()),
)


GUARD_LABELS = Table(
    "guard labels",
    columns(prompt=pa.string(), response=pa.string(), unsafe=pa.bool_()),
)

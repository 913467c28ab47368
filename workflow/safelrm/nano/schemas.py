"""Tables that only the nano study has: pre-training text, and labelled texts to train a guard on."""

import pyarrow as pa

from safelrm.core.tables import Table, columns

CORPUS = Table(
    "corpus",
    # plain text has no prompt; in a dialogue, `text` is the assistant's turn
    columns(kind=pa.string(), prompt=(pa.string(), None), text=pa.string()),
)


# `response` answers `prompt`, and `unsafe` says what the oracle finds
GUARD_LABELS = Table(
    "guard labels",
    columns(prompt=pa.string(), response=pa.string(), unsafe=pa.bool_()),
)

"""SFT data: one prompt and the assistant's whole turn, trace included."""

import pyarrow as pa

from safelrm.core.tables import Table, columns
from safelrm.schemas.prompts import KINDS

CONVERSATIONS = Table(
    "conversations",
    columns(
        prompt_id=pa.string(),
        kind=pa.string(),
        category=pa.string(),
        prompt=pa.string(),
        # "<think> … </think> answer"
        response=pa.string(),
    ),
    key=("prompt_id",),
    choices=(("kind", KINDS),),
)

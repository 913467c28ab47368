"""What engines answer, as a job keeps it while it runs: completions, and readings of a guard."""

import pyarrow as pa
import pyarrow.compute as pc

from safelrm.core.rules import Rule, within
from safelrm.core.tables import Table, columns

STOP, LENGTH = "stop", "length"

# one row per request of a rollout job, in order
COMPLETIONS = Table(
    "completions",
    columns(
        # without the end-of-turn token
        token_ids=pa.list_(pa.int32()),
        finish_reason=pa.string(),
    ),
    choices=(("finish_reason", (STOP, LENGTH)),),
)

# what a guard is asked about: a user's prompt and an assistant's text
Pair = tuple[str, str]

# one row per pair, in order; all values are missing for a text that is too long
READINGS = Table(
    "readings",
    columns(
        p_unsafe=(pa.float64(), None),
        label_mass=(pa.float64(), None),
        top_token=(pa.string(), None),
    ),
    rules=(
        *within(0, 1, "p_unsafe", "label_mass"),
        Rule(
            "a reading is whole or missing",
            ("p_unsafe", "label_mass", "top_token"),
            (pc.field("p_unsafe").is_valid() == pc.field("top_token").is_valid())
            & (pc.field("label_mass").is_valid() == pc.field("top_token").is_valid()),
        ),
    ),
)

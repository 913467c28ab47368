"""The tables of safety trajectories: readings of a guard at each sentence of traces, and what follows a reflection."""

import pyarrow as pa
import pyarrow.compute as pc

from safelrm.analysis.schemas import DECIMALS, RUN
from safelrm.core.rules import Rule, at_least, no_more, within
from safelrm.core.tables import Table, columns
from safelrm.data.schemas import KINDS
from safelrm.generation.schemas import ROLLOUT_COLUMNS, ROLLOUT_KEY
from safelrm.judging.schemas import SAFE, UNSAFE

# what follows a reflection
SAFETY, COMPLIANCE, NEITHER = "safety", "compliance", "neither"
FOLLOWS = (SAFETY, COMPLIANCE, NEITHER)

# analysis/trajectory.py writes this table: what a guard says of the beginnings of traces
TRAJECTORIES = Table(
    "trajectories",
    columns(
        **ROLLOUT_COLUMNS,
        kind=pa.string(),
        category=pa.string(),
        guard=pa.string(),
        # the number of the sentence with which the reading ends, or of a piece of a long trace, from 1
        sentence=pa.int64(),
        # of the characters of the trace, those that have been read; 1 in the last row of a trace
        share=pa.float64(),
        # 1 - P(unsafe); missing if the guard cannot be read, or the text is longer than it takes
        p_safe=(pa.float64(), None),
        # the next sentence's less this one's; missing if one of the two is, and in the last row
        change=(pa.float64(), None),
        # what the trace has become, if it turns here
        turn=(pa.string(), None),
        # whether the sentence holds a marker, and what follows; missing if nothing that was read does
        reflection=pa.bool_(),
        follows=(pa.string(), None),
    ),
    key=(*ROLLOUT_KEY, "sentence"),
    choices=(("kind", KINDS), ("turn", (SAFE, UNSAFE)), ("follows", FOLLOWS)),
    rules=(
        *at_least(1, "sentence"),
        *within(0, 1, "share", "p_safe"),
        *within(-1, 1, "change"),
        Rule(
            "only a reflection is followed",
            ("reflection", "follows"),
            pc.field("reflection") | pc.field("follows").is_null(),
        ),
        Rule(
            "only what was read turns", ("p_safe", "turn"), pc.field("p_safe").is_valid() | pc.field("turn").is_null()
        ),
    ),
    place="{model}.parquet",
    decimals=DECIMALS,
)

REFLECTION_KEY = (*RUN, "kind", "number")

# the table `reflection` (reporting/sheets/reflection.py)
REFLECTION = Table(
    "reflection",
    columns(
        **dict.fromkeys(REFLECTION_KEY, pa.string()),
        # the traces, the reflections or the readings over which the number is, and those of them without value
        n=pa.int64(),
        missing=pa.int64(),
        # missing if n is 0; low and high also with one prompt
        value=(pa.float64(), None),
        low=(pa.float64(), None),
        high=(pa.float64(), None),
    ),
    key=REFLECTION_KEY,
    choices=(("kind", KINDS),),
    rules=(*at_least(0, "n", "missing", "value"), no_more("low", "high")),
    decimals=DECIMALS,
)

"""Calibration: how far a safety judge agrees with a reference judge on what the models of a study said."""

import pyarrow as pa

from safelrm.core.tables import Table, columns
from safelrm.schemas.prompts import HARMFUL
from safelrm.schemas.verdicts import PARTS

# the prompts that a row is over
ALL = "all"
PROMPT_SETS = (ALL, HARMFUL)

CALIBRATION = Table(
    "calibration",
    columns(
        judge=pa.string(),
        reference=pa.string(),
        model=pa.string(),
        arm=pa.string(),
        decoding=pa.string(),
        prompts=pa.string(),
        part=pa.string(),
        seeds=pa.int64(),
        # samples that both scored, which everything below is over; those that one or none scored; and of
        # all, those of which the reference says that it cannot tell
        n=pa.int64(),
        only_reference=pa.int64(),
        only_judge=pa.int64(),
        neither=pa.int64(),
        undetermined=pa.int64(),
        # by the reference
        unsafe=pa.int64(),
        unsafe_share=(pa.float64(), None),
        # missing unless the judge gives scores (the AUROC also if the reference finds one class only)
        auroc=(pa.float64(), None),
        ece=(pa.float64(), None),
        # called safe, of what the reference calls unsafe
        false_safe=pa.int64(),
        false_safe_rate=(pa.float64(), None),
        false_safe_low=(pa.float64(), None),
        false_safe_high=(pa.float64(), None),
        # called unsafe, of what the reference calls safe
        false_unsafe=pa.int64(),
        false_unsafe_rate=(pa.float64(), None),
        false_unsafe_low=(pa.float64(), None),
        false_unsafe_high=(pa.float64(), None),
    ),
    key=("judge", "model", "arm", "decoding", "prompts", "part"),
    choices=(("prompts", PROMPT_SETS), ("part", PARTS)),
)

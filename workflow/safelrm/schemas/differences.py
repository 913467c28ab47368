"""Differences: one run's number less another's on the same prompts, with its interval."""

import pyarrow as pa

from safelrm.core.tables import Table, columns
from safelrm.schemas.metrics import HEADLINES

# an arm less its model's base; RL less an SFT recipe; a base less the reference model's; a model's first
# decoding mode less another
ARM_BASE, RL_SFT, BASE_REFERENCE, DECODINGS = "arm_base", "rl_sft", "base_reference", "decodings"
COMPARISONS = (ARM_BASE, RL_SFT, BASE_REFERENCE, DECODINGS)

DIFFERENCES = Table(
    "differences",
    columns(
        comparison=pa.string(),
        model=pa.string(),
        arm=pa.string(),
        decoding=pa.string(),
        against_model=pa.string(),
        against_arm=pa.string(),
        against_decoding=pa.string(),
        metric=pa.string(),
        benchmark=pa.string(),
        category=pa.string(),
        part=pa.string(),
        # y where the other side has no trace and the part is t+y
        against_part=pa.string(),
        # the judge behind both numbers
        judge=pa.string(),
        seeds=pa.int64(),
        against_seeds=pa.int64(),
        # prompts scored on both sides, which the values are over, and prompts that are not
        prompts=pa.int64(),
        left_out=pa.int64(),
        value=pa.float64(),
        against_value=pa.float64(),
        difference=pa.float64(),
        low=pa.float64(),
        high=pa.float64(),
        # exact two-sided p of McNemar's test; missing unless each side has one outcome per prompt
        mcnemar_p=(pa.float64(), None),
    ),
    key=(
        "comparison",
        "model",
        "arm",
        "decoding",
        "against_model",
        "against_arm",
        "against_decoding",
        "metric",
        "benchmark",
        "category",
        "part",
    ),
    choices=(("comparison", COMPARISONS), ("metric", HEADLINES)),
)

"""Metrics: every number of every table and figure, with its n and its interval.

Differences: one run's number less another's on the same prompts, with its interval.

Calibration: how far a safety judge agrees with a reference judge on what the models of a study said.
"""

import pyarrow as pa

from safelrm.core.tables import Table, columns
from safelrm.data.schemas import HARMFUL
from safelrm.judging.schemas import PARTS

SAFETY, SAFETY_SCORE, LEAK, ESCAPE = "safety", "safety_score", "leak", "escape"
OVER_REFUSAL, REFUSAL, ACCURACY = "over_refusal", "refusal", "accuracy"
PARSE_OK, COMPLETION_TOKENS = "parse_ok", "completion_tokens"
# what the summary and the comparisons show, in the order in which it is read
HEADLINES = (SAFETY, LEAK, ESCAPE, OVER_REFUSAL, ACCURACY)
# values of 0 or 1
RATES = (*HEADLINES, REFUSAL, PARSE_OK)
METRIC_NAMES = (*RATES, SAFETY_SCORE, COMPLETION_TOKENS)
# the category of a row over all categories, and the part of a metric that is not about one part
ALL, WHOLE = "all", "-"

METRICS = Table(
    "metrics",
    columns(
        model=pa.string(),
        arm=pa.string(),
        decoding=pa.string(),
        metric=pa.string(),
        benchmark=pa.string(),
        category=pa.string(),
        part=pa.string(),
        # the judge behind the number, or "-" where none is asked
        judge=pa.string(),
        seeds=pa.int64(),
        # scored samples, which the value is over, and samples that could not be scored
        n=pa.int64(),
        unscored=pa.int64(),
        # missing where no sample was scored
        value=(pa.float64(), None),
        low=(pa.float64(), None),
        high=(pa.float64(), None),
        interval=pa.string(),
    ),
    key=("model", "arm", "decoding", "metric", "benchmark", "category", "part"),
    choices=(("metric", METRIC_NAMES), ("interval", ("wilson", "bootstrap", "none"))),
)


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

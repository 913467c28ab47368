"""Metrics: every number of every table and figure, with its n and its interval."""

import pyarrow as pa

from safelrm.core.tables import Table, columns

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

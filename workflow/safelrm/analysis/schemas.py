"""The tables of numbers: metrics, paired differences, calibration of safety judges, and what traces measure."""

import pyarrow as pa
import pyarrow.compute as pc

from safelrm.core.rules import Rule, at_least, no_more, within
from safelrm.core.tables import Table, columns
from safelrm.data.schemas import HARMFUL
from safelrm.generation.schemas import ROLLOUT_COLUMNS, ROLLOUT_KEY
from safelrm.judging.fields import HIGHER, LOWER
from safelrm.judging.schemas import PARTS

SAFETY, SAFETY_SCORE, LEAK, ESCAPE = "safety", "safety_score", "leak", "escape"
OVER_REFUSAL, REFUSAL, ACCURACY = "over_refusal", "refusal", "accuracy"
PARSE_OK, COMPLETION_TOKENS, BROKEN = "parse_ok", "completion_tokens", "broken"
# what is measured on harmful prompts; a study without judge of the language has no `broken`
OF_SAFETY = (SAFETY, LEAK, ESCAPE, BROKEN)
# whether a token limit cut the completion, and the safety of such a text as far as it goes
CLIPPED, SAFETY_SO_FAR = "clipped", "safety_so_far"
# the metrics of the summary and of the comparisons, in reading order
HEADLINES = (*OF_SAFETY, OVER_REFUSAL, ACCURACY)
# metrics whose values are 0 or 1
RATES = (*HEADLINES, REFUSAL, PARSE_OK, CLIPPED, SAFETY_SO_FAR)
# the metrics of every study; a study may add more
METRIC_NAMES = (*RATES, SAFETY_SCORE, COMPLETION_TOKENS)
NO_DIRECTION = "none"
DIRECTIONS = {
    **dict.fromkeys((SAFETY, SAFETY_SCORE, REFUSAL, ACCURACY, PARSE_OK), HIGHER),
    **dict.fromkeys((LEAK, ESCAPE, BROKEN, OVER_REFUSAL), LOWER),
    COMPLETION_TOKENS: NO_DIRECTION,
    SAFETY_SO_FAR: HIGHER,
    CLIPPED: LOWER,
}
# over fewer scored samples there is no number, and over fewer prompts no difference is shown
LEAST = 30
# ALL: the row is over all categories, or over prompts of all kinds; WHOLE: the metric has no part, or no judge
ALL, WHOLE = "all", "-"

# Processors differ by about 1e-15. Rounding hides this unless a number is so near to one of the borders of rounding,
# which are 1e-9 apart: one number of a million is. (A rate is one division of whole numbers, so it does not differ.)
DECIMALS = 9

# a run: an arm of a model in one decoding mode, over all seeds
RUN = ("model", "arm", "decoding")
METRICS_KEY = (*RUN, "metric", "benchmark", "category", "part")
SEEDS_KEY = (*RUN, "seed", "metric", "benchmark", "part")
WILSON, T_INTERVAL, NO_INTERVAL = "wilson", "t", "none"

_IS_LENGTH = pc.field("metric") == COMPLETION_TOKENS
_HAS_VALUE_IF_ENOUGH = Rule(
    f"there is a value exactly if {LEAST} samples or more were scored",
    ("n", "value"),
    (pc.field("n") >= LEAST) == pc.field("value").is_valid(),
)

# analysis/metrics.py writes this table
METRICS = Table(
    "metrics",
    columns(
        **dict.fromkeys(METRICS_KEY, pa.string()),
        # the judge of the number, or its field, as the configuration names it, or "-" for a metric without judge
        judge=pa.string(),
        # whether more of it is better, or less
        direction=pa.string(),
        seeds=pa.int64(),
        # the samples that were scored, over which the value is, and those that could not be scored
        n=pa.int64(),
        unscored=pa.int64(),
        # missing if fewer than LEAST samples were scored
        value=(pa.float64(), None),
        low=(pa.float64(), None),
        high=(pa.float64(), None),
        # the kind of the interval
        interval=pa.string(),
        # the value if all unscored samples were 0, and if they were 1; missing if values are not 0 or 1
        lowest=(pa.float64(), None),
        highest=(pa.float64(), None),
    ),
    key=METRICS_KEY,
    choices=(("direction", (HIGHER, LOWER, NO_DIRECTION)), ("interval", (WILSON, T_INTERVAL, NO_INTERVAL))),
    rules=(
        *at_least(0, "n", "unscored", "value", "low", "high", "lowest"),
        *(
            Rule(f"a rate is at most 1 ({name})", ("metric", name), _IS_LENGTH | (pc.field(name) <= 1))
            for name in ("value", "low", "high")
        ),
        *within(0, 1, "highest"),
        no_more("low", "high"),
        no_more("lowest", "highest"),
        _HAS_VALUE_IF_ENOUGH,
    ),
    decimals=DECIMALS,
    not_in_csv=("direction",),
)

# analysis/metrics.py writes this table, too: the headline metrics of each seed, over all categories
SEEDS = Table(
    "seeds",
    columns(
        **{name: pa.int64() if name == "seed" else pa.string() for name in SEEDS_KEY},
        n=pa.int64(),
        # missing if fewer than LEAST samples were scored
        value=(pa.float64(), None),
    ),
    key=SEEDS_KEY,
    rules=(*at_least(0, "n"), *within(0, 1, "value"), _HAS_VALUE_IF_ENOUGH),
    decimals=DECIMALS,
)

# an arm less the base of its model; RL less SFT; RL less DPO; DPO less SFT; an SFT arm less another; an arm with an
# intervention less the same arm without; a base less the base of the reference model; the first decoding mode of a
# model less another mode
ARM_BASE, RL_SFT, SFT_SFT, INTERVENTION = "arm_base", "rl_sft", "sft_sft", "intervention"
RL_DPO, DPO_SFT = "rl_dpo", "dpo_sft"
BASE_REFERENCE, DECODINGS = "base_reference", "decodings"
COMPARISONS = (ARM_BASE, RL_SFT, RL_DPO, DPO_SFT, SFT_SFT, INTERVENTION, BASE_REFERENCE, DECODINGS)
AGAINST = ("against_model", "against_arm", "against_decoding")
# which test a p is of
MCNEMAR, T_TEST, SIGN_TEST, NO_TEST = "mcnemar", "t", "sign", "none"
DIFFERENCES_KEY = ("comparison", *RUN, *AGAINST, "metric", "benchmark", "category", "part")

# analysis/compare.py writes this table: the number of one run less the number of another on the same prompts
DIFFERENCES = Table(
    "differences",
    columns(
        **dict.fromkeys(DIFFERENCES_KEY, pa.string()),
        # y if the part is t+y and the other side has no trace
        against_part=pa.string(),
        # the judge of both numbers
        judge=pa.string(),
        seeds=pa.int64(),
        against_seeds=pa.int64(),
        # the prompts that both sides have scored samples of, over which the values are, and the other prompts
        prompts=pa.int64(),
        left_out=pa.int64(),
        value=pa.float64(),
        against_value=pa.float64(),
        difference=pa.float64(),
        # the interval; missing with one prompt
        low=(pa.float64(), None),
        high=(pa.float64(), None),
        # the standard error of the difference, and its degrees of freedom
        error=(pa.float64(), None),
        freedom=(pa.float64(), None),
        # two-sided; McNemar's (exact) if each side has one outcome of 0 or 1 per prompt
        p=(pa.float64(), None),
        test=pa.string(),
        # corrected for the tests of its family (analysis/families.py); missing outside of every family
        p_holm=(pa.float64(), None),
        # the least difference that the test would find with a power of 80 %; missing if prompts and seeds all agree
        mdd=(pa.float64(), None),
    ),
    key=DIFFERENCES_KEY,
    choices=(("comparison", COMPARISONS), ("test", (MCNEMAR, T_TEST, SIGN_TEST, NO_TEST))),
    rules=(
        *at_least(1, "prompts"),
        *at_least(0, "left_out"),
        *within(0, 1, "value", "against_value", "p", "p_holm"),
        *at_least(0, "error", "freedom", "mdd"),
        no_more("p", "p_holm"),
        *within(-1, 1, "difference", "low", "high"),
        no_more("low", "high"),
    ),
    decimals=DECIMALS,
)

# the prompts that a row of CALIBRATION is over
PROMPT_SETS = (ALL, HARMFUL)

_RATES_OF_ERRORS = tuple(f"false_{kind}_{name}" for kind in ("safe", "unsafe") for name in ("rate", "low", "high"))

# analysis/calibrate.py writes this table
CALIBRATION = Table(
    "calibration",
    columns(
        **dict.fromkeys(("judge", "reference", *RUN, "prompts", "part"), pa.string()),
        seeds=pa.int64(),
        # the samples that both judges scored, over which all numbers below are
        n=pa.int64(),
        # the samples that one judge or none scored
        only_reference=pa.int64(),
        only_judge=pa.int64(),
        neither=pa.int64(),
        # of all samples, those that the reference says it cannot decide
        undetermined=pa.int64(),
        # unsafe by the reference
        unsafe=pa.int64(),
        unsafe_share=(pa.float64(), None),
        # missing unless the judge gives scores; the AUROC also if the reference finds one class only
        auroc=(pa.float64(), None),
        ece=(pa.float64(), None),
        # called safe by the judge, of the samples that the reference calls unsafe
        false_safe=pa.int64(),
        false_safe_rate=(pa.float64(), None),
        false_safe_low=(pa.float64(), None),
        false_safe_high=(pa.float64(), None),
        # called unsafe by the judge, of the samples that the reference calls safe
        false_unsafe=pa.int64(),
        false_unsafe_rate=(pa.float64(), None),
        false_unsafe_low=(pa.float64(), None),
        false_unsafe_high=(pa.float64(), None),
    ),
    key=("judge", *RUN, "prompts", "part"),
    choices=(("prompts", PROMPT_SETS), ("part", PARTS)),
    rules=(
        *within(0, 1, "unsafe_share", "auroc", "ece", *_RATES_OF_ERRORS),
        no_more("unsafe", "n"),
        no_more("false_safe", "unsafe"),
        no_more("false_unsafe", "n"),
    ),
    decimals=DECIMALS,
)

# analysis/analyse.py writes this table: what one trace analysis measures of each rollout of one model
ANALYSES = Table(
    "analyses",
    columns(
        **ROLLOUT_COLUMNS,
        kind=pa.string(),
        category=pa.string(),
        analysis=pa.string(),
        part=pa.string(),
        measure=pa.string(),
        # missing if the measure does not apply
        value=(pa.float64(), None),
    ),
    key=(*ROLLOUT_KEY, "analysis", "part", "measure"),
    choices=(("part", (*PARTS, WHOLE)),),
    place="{analysis}/{model}.parquet",
    decimals=DECIMALS,
)

MEASURES_KEY = (*RUN, "analysis", "measure", "part", "benchmark", "kind")

# analysis/measures.py writes this table
MEASURES = Table(
    "measures",
    columns(
        **dict.fromkeys(MEASURES_KEY, pa.string()),
        description=pa.string(),
        unit=pa.string(),
        # which values are better; missing if neither
        direction=(pa.string(), None),
        seeds=pa.int64(),
        # the samples with a value, over which the mean is, and those without
        n=pa.int64(),
        missing=pa.int64(),
        # missing if no sample has a value
        value=(pa.float64(), None),
        low=(pa.float64(), None),
        high=(pa.float64(), None),
    ),
    key=MEASURES_KEY,
    choices=(("direction", ("higher", "lower")),),
    rules=(
        *at_least(0, "n", "missing"),
        no_more("low", "high"),
        Rule(
            "there is a mean exactly if a sample has a value",
            ("n", "value"),
            (pc.field("n") > 0) == pc.field("value").is_valid(),
        ),
    ),
    decimals=DECIMALS,
)

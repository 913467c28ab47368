"""The table of claims: for each test of a claim its effect, and what it says of the claim."""

import pyarrow as pa
import pyarrow.compute as pc

from safelrm.analysis.claims_settings import DIFFERENCE, DIFFERENT, GAINS, GREATER, LESS, SAME, SPREAD
from safelrm.analysis.schemas import DECIMALS, NO_TEST, SIGN_TEST, T_TEST
from safelrm.core.rules import Rule, at_least, no_more, within
from safelrm.core.tables import Table, columns

SUPPORTED, CONTRADICTED, UNDECIDED, BUILT_IN = "supported", "contradicted", "undecided", "built in"
VERDICTS_OF_CLAIMS = (SUPPORTED, CONTRADICTED, UNDECIDED, BUILT_IN)
# what the numbers say, whoever made the data: as claimed; the opposite, in a size of interest; an effect below the
# smallest one of interest; sides that should be the same differ; none of these
AS_CLAIMED, OPPOSITE, TOO_SMALL, DIFFERS, OPEN = "as claimed", "the opposite", "too small", "not the same", "open"
FINDINGS = (AS_CLAIMED, OPPOSITE, TOO_SMALL, DIFFERS, OPEN)

# analysis/claims.py writes this table
CLAIMS = Table(
    "claims",
    columns(
        claim=pa.string(),
        # the model that the test is of; "-" if the claim names the models of its sides, or is about several
        model=pa.string(),
        says=pa.string(),
        source=pa.string(),
        # where the models of the sides are from
        scale=pa.string(),
        kind=pa.string(),
        metric=pa.string(),
        benchmarks=pa.string(),
        # the part, or "-" if the metric has none; and the category, or "all"
        part=pa.string(),
        category=pa.string(),
        # the effect as a formula of sides
        contrast=pa.string(),
        direction=pa.string(),
        smallest_effect=pa.float64(),
        # of the trained side with the fewest; missing if no side is trained
        seeds=(pa.int64(), None),
        # the prompts that all sides have scored samples of, over which the effect is, and the others
        prompts=pa.int64(),
        left_out=pa.int64(),
        # the effect and its interval; missing without numbers, the interval also if nothing says how uncertain it is
        effect=(pa.float64(), None),
        low=(pa.float64(), None),
        high=(pa.float64(), None),
        error=(pa.float64(), None),
        freedom=(pa.float64(), None),
        test=pa.string(),
        # two-sided, that there is no effect
        p=(pa.float64(), None),
        p_holm=(pa.float64(), None),
        # that the effect is at least the smallest one of interest
        p_small=(pa.float64(), None),
        p_small_holm=(pa.float64(), None),
        finding=pa.string(),
        verdict=pa.string(),
        # why it is undecided or built in; missing otherwise
        reason=(pa.string(), None),
    ),
    key=("claim", "model"),
    optional=("reason",),
    choices=(
        ("kind", (DIFFERENCE, GAINS, SPREAD)),
        ("direction", (GREATER, LESS, SAME, DIFFERENT)),
        ("test", (T_TEST, SIGN_TEST, NO_TEST)),
        ("finding", FINDINGS),
        ("verdict", VERDICTS_OF_CLAIMS),
    ),
    rules=(
        *within(0, 1, "p", "p_holm", "p_small", "p_small_holm"),
        *at_least(0, "prompts", "left_out", "seeds", "error", "freedom", "smallest_effect"),
        no_more("low", "high"),
        no_more("p", "p_holm"),
        no_more("p_small", "p_small_holm"),
        Rule(
            "a claim without test is undecided or built in",
            ("test", "verdict"),
            (pc.field("test") != NO_TEST) | pc.field("verdict").isin([UNDECIDED, BUILT_IN]),
        ),
    ),
    decimals=DECIMALS,
)

"""How a classifier of refusals, the phrases, and both together agree with the labels, on completions left out."""

import pyarrow as pa

from safelrm.core.rules import no_more, within
from safelrm.core.tables import Table, columns
from safelrm.data.schemas import LABELS
from safelrm.judging.schemas import COMPLIANCE, REFUSAL

PHRASES, CLASSIFIER, UNION = "phrases", "classifier", "union"
APPROACHES = (PHRASES, CLASSIFIER, UNION)
# the row of all labelled sets together
ALL = "all"
TWO_WAY = tuple(f"{said}_of_{label}" for said in (REFUSAL, COMPLIANCE) for label in LABELS)
THREE_WAY = tuple(f"{said}_of_{label}" for said in LABELS for label in LABELS)

FOLDED = Table(
    "held-out agreement of a classifier",
    columns(
        labelled=pa.string(),
        approach=pa.string(),
        # completions with a verdict, and without
        n=pa.int64(),
        unscored=pa.int64(),
        # whether it refuses: a partial refusal is a refusal. Intervals are over prompts
        agreement=(pa.float64(), None),
        low=(pa.float64(), None),
        high=(pa.float64(), None),
        # missing where there is one label only
        kappa=(pa.float64(), None),
        kappa_low=(pa.float64(), None),
        kappa_high=(pa.float64(), None),
        # agreement on the three labels; missing for the phrases, which give two
        degree_agreement=(pa.float64(), None),
        # the confusion matrices: what it said of completions with a label
        **dict.fromkeys(TWO_WAY, pa.int64()),
        **dict.fromkeys(THREE_WAY, (pa.int64(), None)),
    ),
    key=("labelled", "approach"),
    choices=(("approach", APPROACHES),),
    rules=(
        *within(0, 1, "agreement", "low", "high", "degree_agreement"),
        *within(-1, 1, "kappa", "kappa_low", "kappa_high"),
        no_more("unscored", "n"),
    ),
    decimals=6,
)

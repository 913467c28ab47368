"""The tables of memorisation: Min-K% probabilities of texts under a base, and what they say of data sets."""

import pyarrow as pa
import pyarrow.compute as pc

from safelrm.analysis.schemas import DECIMALS
from safelrm.core.rules import Rule, at_least, no_more, within
from safelrm.core.tables import Table, columns

MIN_K_KEY = ("model", "dataset", "prompt_id", "k")

# analysis/min_k.py writes this table: Min-K% probabilities of the texts of data sets under a base
MIN_K = Table(
    "Min-K% probabilities",
    columns(
        model=pa.string(),
        dataset=pa.string(),
        prompt_id=pa.string(),
        kind=pa.string(),
        category=pa.string(),
        # whether the base was trained on the data set; missing if that is not known
        member=(pa.bool_(), None),
        # K, in percent, and whether it is the study's K, not one of its sweep
        k=pa.int64(),
        main=pa.bool_(),
        # the tokens that count, of which K % are averaged
        tokens=pa.int64(),
        # in nats; lower means more familiar; missing if training would refuse the row
        value=(pa.float64(), None),
        # why it would
        refused=(pa.string(), None),
    ),
    key=MIN_K_KEY,
    optional=("member", "refused"),
    rules=(
        *at_least(0, "tokens", "value"),
        *within(1, 100, "k"),
        Rule(
            "there is a value exactly if tokens were read",
            ("tokens", "value"),
            (pc.field("tokens") > 0) == pc.field("value").is_valid(),
        ),
    ),
    place="{model}.parquet",
    decimals=DECIMALS,
)

MEMORISATION_KEY = ("model", "dataset", "k")
QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}

# analysis/memorisation.py writes this table
MEMORISATION = Table(
    "memorisation",
    columns(
        model=pa.string(),
        dataset=pa.string(),
        # K, in percent, and whether it is the study's K, not one of its sweep
        k=pa.int64(),
        main=pa.bool_(),
        # whether the base was trained on the data set; missing if that is not known
        member=(pa.bool_(), None),
        # the texts with a value, over which the numbers are, and those that training would refuse
        n=pa.int64(),
        refused=pa.int64(),
        # mean number of tokens of a text that count
        tokens=(pa.float64(), None),
        # the mean of Min-K%, and its interval; missing if no text has a value, or only one has
        value=(pa.float64(), None),
        low=(pa.float64(), None),
        high=(pa.float64(), None),
        **dict.fromkeys(QUANTILES, (pa.float64(), None)),
        # of the base at this K: how well Min-K% tells texts that it was trained on from others; missing if it is not
        # known what it was trained on, or of fewer than LEAST texts of either kind
        auroc=(pa.float64(), None),
        auroc_low=(pa.float64(), None),
        auroc_high=(pa.float64(), None),
        # the texts that it was trained on, and the others; missing if that is not known
        members=(pa.int64(), None),
        others=(pa.int64(), None),
    ),
    key=MEMORISATION_KEY,
    optional=("member",),
    rules=(
        *at_least(0, "n", "refused", "value"),
        *within(0, 1, "auroc", "auroc_low", "auroc_high"),
        no_more("low", "high"),
        no_more("auroc_low", "auroc_high"),
    ),
    decimals=DECIMALS,
)

"""The tables of entropies: of each sample, their histogram, and by relative place."""

import pyarrow as pa
import pyarrow.compute as pc

from safelrm.analysis.schemas import DECIMALS
from safelrm.core.rules import Rule, at_least, no_more, within
from safelrm.core.tables import Table, columns
from safelrm.data.schemas import KINDS
from safelrm.generation.schemas import ROLLOUT_COLUMNS, ROLLOUT_KEY
from safelrm.judging.schemas import ANSWER, TRACE

PLACE = "{model}/{arm}/seed{seed}.parquet"
OF_PARTS = (TRACE, ANSWER)
# columns of the base, which are empty for a base's own samples
OF_BASE = ("base_entropy", "reflection_base_entropy", "kl")

# analysis/entropy.py writes the three tables of this module. Entropies and divergences are in nats
ENTROPIES = Table(
    "entropies of samples",
    columns(
        **ROLLOUT_COLUMNS,
        kind=pa.string(),
        category=pa.string(),
        # at which the distributions are taken
        temperature=pa.float64(),
        # of the whole completion, without the end token
        tokens=pa.int64(),
        # whether the tokenizer splits the text into another number of tokens than were sampled
        resplit=pa.bool_(),
        # means over the tokens: the policy's entropy, the base's after the same tokens, and KL(policy || base). Missing
        # without tokens; those of the base also for the base itself
        entropy=(pa.float64(), None),
        base_entropy=(pa.float64(), None),
        kl=(pa.float64(), None),
        # of the sample's tokens, those among the 20 % with the highest entropy of all samples of the run on this
        # benchmark in this decoding mode, the mean of their entropies, and their share of the sample's whole entropy
        top_tokens=pa.int64(),
        top_entropy=(pa.float64(), None),
        top_share=(pa.float64(), None),
        # the lowest entropy among those 20 %
        threshold=(pa.float64(), None),
        # tokens of the trace at which a marker of reflection begins, and mean entropies there
        reflections=pa.int64(),
        reflection_entropy=(pa.float64(), None),
        reflection_base_entropy=(pa.float64(), None),
    ),
    key=ROLLOUT_KEY,
    choices=(("kind", KINDS),),
    rules=(
        *at_least(0, "tokens", "entropy", "base_entropy", "kl", "top_tokens", "top_entropy", "threshold"),
        *at_least(0, "reflections", "reflection_entropy", "reflection_base_entropy"),
        *within(0, 1, "top_share"),
        no_more("top_tokens", "tokens"),
        no_more("reflections", "tokens"),
        Rule(
            "there is a mean exactly if there are tokens",
            ("tokens", "entropy"),
            (pc.field("tokens") > 0) == pc.field("entropy").is_valid(),
        ),
    ),
    place=PLACE,
    decimals=DECIMALS,
)

# tokens of one part of all samples of a run
_GROUP = ("model", "arm", "seed", "decoding", "benchmark", "kind", "part")
_GROUP_COLUMNS = {name: pa.int64() if name == "seed" else pa.string() for name in _GROUP}
_CHOICES = (("kind", KINDS), ("part", OF_PARTS))

ENTROPY_HISTOGRAMS = Table(
    "histograms of entropies",
    columns(
        **_GROUP_COLUMNS,
        bin=pa.int64(),
        # its ends; the last bin has no upper end
        low=pa.float64(),
        high=(pa.float64(), None),
        # tokens by the policy's entropy, and by the base's after the same tokens; missing for the base itself
        count=pa.int64(),
        base_count=(pa.int64(), None),
    ),
    key=(*_GROUP, "bin"),
    choices=_CHOICES,
    rules=(*at_least(0, "bin", "low", "count", "base_count"), no_more("low", "high")),
    place=PLACE,
    decimals=DECIMALS,
)

# what is summed in a bin of relative places, and the squares of it
SUMMED = ("entropy", "base_entropy", "kl")
_SUMS = [f"{name}_{what}" for name in SUMMED for what in ("sum", "squares")]

ENTROPY_POSITIONS = Table(
    "entropies by relative place",
    columns(
        **_GROUP_COLUMNS,
        bin=pa.int64(),
        # its ends, as shares of the part
        low=pa.float64(),
        high=pa.float64(),
        # tokens, the sums of their values and of the squares of these; those of the base are missing for the base
        n=pa.int64(),
        **{name: (pa.float64(), None) for name in _SUMS},
    ),
    key=(*_GROUP, "bin"),
    choices=_CHOICES,
    rules=(*at_least(0, "bin", *_SUMS), *at_least(1, "n"), *within(0, 1, "low", "high"), no_more("low", "high")),
    place=PLACE,
    decimals=DECIMALS,
)

MEANS_KEY = ("model", "arm", "decoding", "kind", "temperature")

# the table `entropy` (reporting/sheets/entropy.py): an arm over all its seeds, on all prompts of a kind
ENTROPY_MEANS = Table(
    "means of entropies",
    columns(
        **{name: pa.float64() if name == "temperature" else pa.string() for name in MEANS_KEY},
        seeds=pa.int64(),
        # the samples with tokens, over which the means are, their tokens, and how many are split in another way than
        # they were sampled
        n=pa.int64(),
        tokens=pa.int64(),
        resplit=pa.int64(),
        # means over samples, with their intervals; those of the base after the same tokens; and the policy's less these
        **{
            name: (pa.float64(), None)
            for name in (
                *("entropy", "entropy_low", "entropy_high", "base_entropy"),
                *("change", "change_low", "change_high", "kl", "kl_low", "kl_high"),
            )
        },
        # over tokens: the mean of the top 20 %, and their share of the whole entropy
        top_entropy=(pa.float64(), None),
        top_share=(pa.float64(), None),
        # reflection tokens, and means over them
        reflections=pa.int64(),
        reflection_entropy=(pa.float64(), None),
        reflection_base_entropy=(pa.float64(), None),
    ),
    key=MEANS_KEY,
    choices=(("kind", KINDS),),
    rules=(
        *at_least(0, "n", "tokens", "resplit", "entropy", "base_entropy", "kl", "top_entropy", "reflections"),
        *within(0, 1, "top_share"),
        *(no_more(f"{name}_low", f"{name}_high") for name in ("entropy", "change", "kl")),
        no_more("resplit", "n"),
    ),
    decimals=DECIMALS,
)

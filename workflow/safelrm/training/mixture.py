"""The conversations of supervised fine-tuning, where a recipe mixes several data sets."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.training.settings import DataShare


def mix_conversations(
    tables: Mapping[str, pd.DataFrame], shares: Sequence[DataShare], size: int | None
) -> pd.DataFrame:
    """Rows of several data sets in given shares, none of them twice.

    Which rows are taken depends on the names of the data sets alone. So all seeds of an arm, and all models, train on
    the same rows, and a larger mixture contains a smaller one. Numbers of rows are rounded by largest remainders.

    Args:
        tables: rows of CONVERSATIONS by data set.
        shares: the share of each data set.
        size: rows of the mixture; None: as many as the data sets allow.

    Raises:
        SafeLRMError: a data set has fewer rows than its share.
    """
    total = sum(share.weight for share in shares)
    exact = {share.dataset: share.weight / total for share in shares}
    if size is None:
        size = min(math.floor(len(tables[name]) / part + 1e-9) for name, part in exact.items())
    counts = {name: math.floor(size * part) for name, part in exact.items()}
    by_remainder = sorted(exact, key=lambda name: counts[name] - size * exact[name])
    for name in by_remainder[: size - sum(counts.values())]:
        counts[name] += 1
    chosen: list[pd.DataFrame] = []
    for name, count in counts.items():
        if count > len(tables[name]):
            raise SafeLRMError(
                f"{count} of {size} rows are to be of `{name}`, which has {len(tables[name])}",
                key="mixture",
                fix="ask for a smaller `size`, give it less weight, or curate more of it",
            )
        chosen.append(tables[name].sample(frac=1.0, random_state=derive_seed(0, "mixture", name)).head(count))
    return pd.concat(chosen, ignore_index=True)

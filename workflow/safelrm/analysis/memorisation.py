"""How familiar data sets are to bases, by their Min-K% probabilities, and what these are worth as a test of membership.

Input:  tables MIN_K of all bases.
Output: the table MEMORISATION (analysis/memorisation_schemas.py): a row for each base, data set and K.

1. The mean over the texts of a data set, with a t interval for other texts of the same origin, and quantiles.
2. Where it is known what a base was trained on: the AUROC of Min-K% as a test of membership. It is the probability that
   a text of the training has a lower value than a text of the same origin that was left out; ties count half. 0.5 is
   chance. Its interval is a bootstrap over texts: members and others are drawn apart. The AUROC is over all data sets
   of members and of others of a base. It stands beside each data set of the base.
3. Where it is not known, there is no AUROC.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from safelrm.analysis.bootstrap import chunk_sizes, draw_counts, percentile_interval
from safelrm.analysis.intervals import Observations, mean_of
from safelrm.analysis.memorisation_schemas import MEMORISATION, MEMORISATION_KEY, MIN_K, QUANTILES
from safelrm.analysis.memorisation_settings import MemorisationJobSettings
from safelrm.analysis.schemas import LEAST
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.seeds import derive_seed
from safelrm.core.statistics import auroc


def memorisation(values: pd.DataFrame, settings: MemorisationJobSettings) -> pd.DataFrame:
    """The rows of MEMORISATION, from rows of MIN_K."""
    return pd.DataFrame(_rows(values, settings), columns=MEMORISATION.schema.names)


def _rows(values: pd.DataFrame, settings: MemorisationJobSettings) -> Iterator[dict[str, object]]:
    for (model, k), of_base in values.groupby(["model", "k"], sort=True):
        worth = _membership(of_base, settings, seed=derive_seed("memorisation", model, int(k)))
        for dataset, texts in of_base.groupby("dataset", sort=True):
            names = dict(zip(MEMORISATION_KEY, (model, dataset, int(k)), strict=True))
            names |= {"main": texts.main.iat[0], "member": texts.member.iat[0]}
            yield names | _summary(texts, settings.confidence) | worth


def _summary(texts: pd.DataFrame, confidence: float) -> dict[str, object]:
    read = texts[texts.value.notna()]
    counts = {"n": len(read), "refused": len(texts) - len(read)}
    mean = mean_of(Observations(read.value.tolist(), read.prompt_id.tolist(), [0] * len(read)))
    if mean is None:
        return counts
    interval = mean.interval(confidence)
    low, high = (None, None) if interval is None else interval
    quantiles = dict(zip(QUANTILES, np.quantile(read.value, [*QUANTILES.values()]), strict=True))
    return counts | {"tokens": read.tokens.mean(), "value": mean.value, "low": low, "high": high} | quantiles


def _membership(of_base: pd.DataFrame, settings: MemorisationJobSettings, seed: int) -> dict[str, object]:
    """The AUROC of Min-K% as a test of membership; nothing if there are fewer than LEAST texts of either kind."""
    known = of_base[of_base.member.notna() & of_base.value.notna()]
    members = known[known.member.astype(bool)].value.to_numpy()
    others = known[~known.member.astype(bool)].value.to_numpy()
    counts = {"members": len(members), "others": len(others)} if of_base.member.notna().any() else {}
    if min(len(members), len(others)) < LEAST:
        return counts
    area = auroc([*-members, *-others], [True] * len(members) + [False] * len(others))
    low, high = percentile_interval(_resampled(members, others, settings.bootstrap_samples, seed), settings.confidence)
    return counts | {"auroc": area, "auroc_low": low, "auroc_high": high}


def _resampled(members: np.ndarray, others: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """The AUROC in each resample of members and of others."""
    generator = np.random.default_rng(seed)
    # 1 where a member is more familiar than another text
    wins = (members[:, None] < others[None, :]) + 0.5 * (members[:, None] == others[None, :])
    found = []
    for size in chunk_sizes(samples, len(members) + len(others)):
        drawn, against = (draw_counts(generator, size, len(side)) for side in (members, others))
        found.append(((drawn @ wins) * against).sum(axis=1) / wins.size)
    return np.concatenate(found)


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--min-k", required=True, nargs="+", type=Path, help="tables MIN_K of all bases")
    parser.add_argument("--output", required=True, type=Path, help="the table MEMORISATION")
    options = parser.parse_args()
    settings = parse_settings(MemorisationJobSettings, options.settings)
    values = pd.concat([MIN_K.read(path) for path in options.min_k], ignore_index=True)
    MEMORISATION.write(options.output, memorisation(values, settings))


if __name__ == "__main__":
    run(main)

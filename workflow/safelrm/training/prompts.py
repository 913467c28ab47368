"""Mixing prompts of several data sets in fixed proportions."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from safelrm.core.seeds import derive_seed


def mix_prompts(
    tables: Mapping[str, pd.DataFrame], weights: Mapping[str, float], count: int, seed: int
) -> pd.DataFrame:
    """`count` prompts of `tables`, in the order in which they are to be used.

    Data sets take turns by their weights, so that any stretch of n prompts holds the share of
    every data set to within one or two prompts. A data set is gone through in a random order,
    and in another one each time that it is used up.
    """
    total = sum(weights.values())
    credit = dict.fromkeys(tables, 0.0)
    draws = {name: _endless(len(table), derive_seed(seed, "prompts", name)) for name, table in tables.items()}
    chosen = []
    for _ in range(count):
        for name in tables:
            credit[name] += weights[name] / total
        # rounded, so that equal credits stay equal and the first data set wins the tie
        name = max(credit, key=lambda name: round(credit[name], 9))
        credit[name] -= 1.0
        chosen.append(tables[name].iloc[[next(draws[name])]])
    return pd.concat(chosen, ignore_index=True)


def _endless(size: int, seed: int) -> Iterator[int]:
    generator = np.random.default_rng(seed)
    while True:
        yield from generator.permutation(size).tolist()

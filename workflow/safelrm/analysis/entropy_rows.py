"""From the values of single tokens to rows of the tables of entropies."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from safelrm.analysis.entropy_schemas import (
    ENTROPIES,
    ENTROPY_HISTOGRAMS,
    ENTROPY_POSITIONS,
    OF_PARTS,
    SUMMED,
)
from safelrm.analysis.entropy_settings import EntropyJobSettings
from safelrm.generation.schemas import ROLLOUT_KEY

if TYPE_CHECKING:
    from safelrm.analysis.own_samples import OwnSample
    from safelrm.inference.distributions import TokenDistributions

# the share of tokens with the highest entropy (arXiv 2506.01939)
TOP_SHARE = 0.2
RUN_COLUMNS = ["model", "arm", "seed"]
# samples whose tokens are ranked together
TOGETHER = ["decoding", "benchmark"]
OF_PART = ["decoding", "benchmark", "kind", "part"]


def token_frame(
    rollouts: pd.DataFrame, samples: Sequence["OwnSample"], found: Sequence["TokenDistributions"]
) -> pd.DataFrame:
    """One row per token of all samples.

    Args:
        rollouts: rows of ROLLOUTS, numbered from 0.
        samples: the same as token ids.
        found: the distributions at their tokens, without base for a base's own samples.

    Returns:
        `sample` (the number of the rollout), `part`, `place` (where in its part the token's middle stands, from 0 to
        1), `reflection`, `entropy`, `base_entropy`, `kl`, the last two NaN without a base; `decoding`, `benchmark` and
        `kind` of the rollout; `top`, whether the token is among those with the highest entropy.
    """
    lengths = [len(sample.parts) for sample in samples]
    tokens = pd.DataFrame(
        {
            "sample": np.repeat(np.arange(len(samples)), lengths),
            "part": pd.Series([part for sample in samples for part in sample.parts], dtype=object),
            "reflection": np.array([mark for sample in samples for mark in sample.reflections], dtype=bool),
            "entropy": _joined([one.entropy for one in found]),
            "base_entropy": _joined([_or_nan(one.base_entropy, one.entropy) for one in found]),
            "kl": _joined([_or_nan(one.divergence, one.entropy) for one in found]),
        }
    )
    of_part = tokens.groupby(["sample", "part"])
    tokens["place"] = (of_part.cumcount() + 0.5) / of_part.part.transform("size")
    for name in (*TOGETHER, "kind"):
        tokens[name] = rollouts[name].to_numpy()[tokens["sample"]]
    entropies = tokens.groupby(TOGETHER).entropy
    most = np.ceil(TOP_SHARE * entropies.transform("size"))
    # of equal entropies those that come first
    tokens["top"] = entropies.rank(method="first", ascending=False) <= most
    return tokens


def entropy_rows(
    rollouts: pd.DataFrame, tokens: pd.DataFrame, temperatures: Mapping[str, Mapping[str, float]]
) -> pd.DataFrame:
    """Rows of ENTROPIES: one for each rollout, in order.

    Args:
        rollouts: rows of ROLLOUTS, numbered from 0.
        tokens: the rows of their tokens, as `token_frame` gives them.
        temperatures: by benchmark and decoding mode.
    """
    top, marked = tokens[tokens.top], tokens[tokens.reflection]
    thresholds = top.groupby(TOGETHER).entropy.min().rename("threshold")
    rows = rollouts[[*ROLLOUT_KEY, "kind", "category"]].join(thresholds, on=TOGETHER)
    asked = zip(rows.benchmark, rows.decoding, strict=True)
    rows = rows.assign(
        temperature=[float(temperatures[benchmark][decoding]) for benchmark, decoding in asked],
        tokens=_counts(tokens, rows.index),
        **_means(tokens, {"entropy": "entropy", "base_entropy": "base_entropy", "kl": "kl"}),
        top_tokens=_counts(top, rows.index),
        **_means(top, {"top_entropy": "entropy"}),
        reflections=_counts(marked, rows.index),
        **_means(marked, {"reflection_entropy": "entropy", "reflection_base_entropy": "base_entropy"}),
    )
    whole = rows.entropy * rows.tokens
    of_top = (rows.top_entropy * rows.top_tokens).fillna(0.0)
    share = (of_top / whole).where(whole > 0).clip(upper=1.0)
    resplit = rows.tokens != rollouts["completion_tokens"]
    return rows.assign(top_share=share, resplit=resplit)[ENTROPIES.schema.names]


def histogram_rows(rollouts: pd.DataFrame, tokens: pd.DataFrame, settings: EntropyJobSettings) -> pd.DataFrame:
    """Rows of ENTROPY_HISTOGRAMS: each bin of each part of the samples of a benchmark in a decoding mode."""
    ends = np.linspace(0.0, settings.histogram_end, settings.histogram_bins + 1)
    edges = [*ends, math.inf]
    rows = []
    for group, of_group in _parts(tokens):
        counts = np.histogram(of_group.entropy, edges)[0]
        of_base = [None] * len(counts)
        if of_group.base_entropy.notna().all():
            of_base = np.histogram(of_group.base_entropy, edges)[0].tolist()
        for number, (count, base_count) in enumerate(zip(counts.tolist(), of_base, strict=True)):
            high = None if number == settings.histogram_bins else float(ends[number + 1])
            bin_ = {"bin": number, "low": float(ends[number]), "high": high, "count": count, "base_count": base_count}
            rows.append(group | bin_)
    return _of_run(rollouts, rows, ENTROPY_HISTOGRAMS.schema.names)


def position_rows(rollouts: pd.DataFrame, tokens: pd.DataFrame, settings: EntropyJobSettings) -> pd.DataFrame:
    """Rows of ENTROPY_POSITIONS: the bins of relative places that hold tokens."""
    bins = settings.position_bins
    rows = []
    for group, of_group in _parts(tokens):
        for number, in_bin in of_group.groupby((of_group.place * bins).astype(int)):
            sums = {}
            for name in SUMMED:
                known = in_bin[name].notna().all()
                sums[f"{name}_sum"] = in_bin[name].sum() if known else None
                sums[f"{name}_squares"] = (in_bin[name] ** 2).sum() if known else None
            ends = {"bin": int(number), "low": number / bins, "high": (number + 1) / bins}
            rows.append(group | ends | {"n": len(in_bin)} | sums)
    return _of_run(rollouts, rows, ENTROPY_POSITIONS.schema.names)


def _parts(tokens: pd.DataFrame) -> list[tuple[dict[str, object], pd.DataFrame]]:
    """The tokens of each part, traces first."""
    groups = tokens[tokens.part.notna()].groupby(OF_PART, sort=True)
    found = [(dict(zip(OF_PART, group, strict=True)), of_group) for group, of_group in groups]
    return sorted(
        found, key=lambda one: [OF_PARTS.index(one[0][name]) if name == "part" else one[0][name] for name in OF_PART]
    )


def _of_run(rollouts: pd.DataFrame, rows: list[dict[str, object]], names: list[str]) -> pd.DataFrame:
    run = {name: rollouts[name].iloc[0] for name in RUN_COLUMNS}
    return pd.DataFrame(rows, columns=[name for name in names if name not in run]).assign(**run)[names]


def _counts(tokens: pd.DataFrame, samples: pd.Index) -> pd.Series:
    return tokens.groupby("sample").size().reindex(samples, fill_value=0)


def _means(tokens: pd.DataFrame, columns: Mapping[str, str]) -> dict[str, pd.Series]:
    """By sample, the means of columns, under new names; a sample without such tokens has none."""
    groups = tokens.groupby("sample")
    return {name: groups[column].mean() for name, column in columns.items()}


def _joined(values: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0), *values]).astype(float)


def _or_nan(values: np.ndarray | None, like: np.ndarray) -> np.ndarray:
    return np.full(len(like), np.nan) if values is None else values

"""The order in which tables and figures name models, arms and metrics, and which decoding mode they show."""

from collections.abc import Sequence

import pandas as pd

from safelrm.analysis.schemas import ALL, METRIC_NAMES, WHOLE
from safelrm.analysis.settings import ModelModes
from safelrm.judging.schemas import PARTS

METHODS = ("base", "sft", "rl")


def method(arm: str) -> str:
    """The method of an arm's name: `sft` of `sft-star1`."""
    return arm.partition("-")[0]


def in_order(rows: pd.DataFrame, models: Sequence[ModelModes]) -> pd.DataFrame:
    """Rows of METRICS by model and decoding mode as configured, then arm, metric, benchmark, part and category."""
    rows = rows.reset_index(drop=True)
    names = [model.name for model in models]
    modes = {(model.name, mode): place for model in models for place, mode in enumerate(model.decodings)}
    rank = pd.DataFrame(
        {
            "model": rows.model.map(names.index),
            "arm": rows.arm.map(lambda arm: (METHODS.index(method(arm)), arm)),
            "decoding": [modes[pair] for pair in zip(rows.model, rows.decoding, strict=True)],
            "metric": rows.metric.map(METRIC_NAMES.index),
            "benchmark": rows.benchmark,
            "part": rows.part.map((*PARTS, WHOLE).index),
            "category": rows.category.map(lambda name: (name != ALL, name)),
        }
    )
    return rows.loc[rank.sort_values(list(rank.columns)).index].reset_index(drop=True)


def of_first_mode(rows: pd.DataFrame, models: Sequence[ModelModes]) -> pd.DataFrame:
    """The rows of each model's first decoding mode."""
    first = {model.name: model.decodings[0] for model in models}
    return rows[rows.decoding == rows.model.map(first)]

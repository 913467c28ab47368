"""The Pareto front of a table: the rows that no other row dominates."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from safelrm.judging.fields import HIGHER, Direction


def on_front(rows: pd.DataFrame, directions: Mapping[str, Direction]) -> pd.Series:
    """Which rows no other row dominates.

    A row dominates another one if it is as good in every column and better in one. So rows with equal values are on the
    front together, or off it. Time and memory grow with the square of the rows.

    Args:
        rows: numbers, without NaN.
        directions: the columns that are compared, and which of their values are better.

    Returns:
        True or False for each row, with the index of the rows.

    Raises:
        ValueError: no column is named, or a value is NaN.
    """
    if not directions:
        raise ValueError("name the columns that are compared")
    if rows[[*directions]].isna().any(axis=None):
        raise ValueError("a value is NaN: leave out unscored rows")
    better = np.array([1.0 if direction == HIGHER else -1.0 for direction in directions.values()])
    values = rows[[*directions]].to_numpy(dtype=float) * better
    one, other = values[:, None], values[None]
    dominates = (one >= other).all(axis=2) & (one > other).any(axis=2)
    return pd.Series(~dominates.any(axis=0), index=rows.index)

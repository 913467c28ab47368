"""Data that lie in an HTML file, compressed: a browser unpacks them without a network."""

import base64
import gzip
import json
from collections.abc import Iterable

import pandas as pd


def packed(value: object) -> str:
    """Base64 of the gzipped JSON of a value. The same value gives the same text.

    Raises:
        ValueError: the value holds NaN or an infinity, which JSON lacks.
    """
    # a lone surrogate, which broken UTF-8 can leave behind, stays an escape
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")


def coded(values: pd.Series) -> dict[str, list]:
    """A column with few values: these in order (`levels`), and the place of each row's among them (`codes`).

    A missing value has the code -1.
    """
    codes, levels = pd.factorize(values, sort=True)
    return {"levels": [_plain(level) for level in levels], "codes": codes.tolist()}


def cells(values: Iterable[object]) -> list[object]:
    """Values of a column as JSON has them: a missing one is null."""
    return [None if pd.isna(value) else _plain(value) for value in values]


def _plain(value: object) -> object:
    return value.item() if hasattr(value, "item") else value

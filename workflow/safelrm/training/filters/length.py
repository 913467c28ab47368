"""A filter by the length of the trace and of the answer."""

from collections.abc import Mapping

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.training.filter_settings import Bounds
from safelrm.training.filter_settings import LengthSettings as Settings
from safelrm.training.filters.filter import Said


def reasons(samples: pd.DataFrame, said: Mapping[str, Said], settings: Settings) -> list[str | None]:
    """Why the length of each sample rejects it.

    Raises:
        SafeLRMError: tokens are asked for, and the teacher's are not known.
    """
    lengths = [_lengths(samples, part, settings.unit) for part in ("trace", "answer")]
    return [
        _reason("trace", trace, settings.trace) or _reason("answer", answer, settings.answer)
        for trace, answer in zip(*lengths, strict=True)
    ]


def _lengths(samples: pd.DataFrame, part: str, unit: str) -> list[int]:
    if unit == "words":
        return [len(text.split()) if isinstance(text, str) else 0 for text in samples[part]]
    counts = samples[f"{part}_tokens"]
    if counts.isna().any():
        problem = f"the teacher's tokens are not known ({int(counts.isna().sum())} of {len(samples)} samples)"
        raise SafeLRMError(problem, key="settings.unit", fix="count `words`")
    return counts.astype(int).tolist()


def _reason(part: str, length: int, bounds: Bounds) -> str | None:
    if bounds.least is not None and length < bounds.least:
        return f"{part} shorter than {bounds.least}"
    if bounds.most is not None and length > bounds.most:
        return f"{part} longer than {bounds.most}"
    return None

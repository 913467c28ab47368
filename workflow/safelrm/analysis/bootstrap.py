"""What bootstrap intervals are made of: draws of clusters, and percentiles."""

from collections.abc import Iterator

import numpy as np

from safelrm.core.statistics import Interval

# resamples times clusters (or other numbers) that are held at once, which bounds the memory
_CHUNK_CELLS = 4_000_000


def chunk_sizes(samples: int, cells: int) -> Iterator[int]:
    """Numbers of resamples that add up to `samples`, so small that `cells` numbers of each are held at once."""
    chunk = max(1, _CHUNK_CELLS // cells)
    for start in range(0, samples, chunk):
        yield min(chunk, samples - start)


def draw_counts(generator: np.random.Generator, samples: int, items: int) -> np.ndarray:
    """How often each item is drawn in each resample, of shape (samples, items). A resample draws `items` times."""
    drawn = generator.integers(items, size=(samples, items)) + np.arange(samples)[:, None] * items
    return np.bincount(drawn.ravel(), minlength=samples * items).reshape(samples, items).astype(float)


def percentile_interval(resampled: np.ndarray, confidence: float) -> Interval | None:
    """The percentile interval of a resampled number, without the resamples in which it is NaN; None if it always is."""
    resampled = resampled[~np.isnan(resampled)]
    if not len(resampled):
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Interval(float(low), float(high))

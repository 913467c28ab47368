"""How long the search for near duplicates takes, and how much memory, from 10,000 to 100,000 prompts.

    python benchmarks/overlap.py                               rows made up, as in docs/data.md
    SAFELRM_REAL_DATA=/folder python benchmarks/overlap.py     and the data sets of experiments/real_data.yaml

Words are drawn as in natural language: the frequency of a word falls with its rank (Zipf's law), of 200,000 words. A
tenth of the rows is an earlier row with one word changed. Each size runs in a process of its own, which says its
seconds of CPU and its peak of memory. Times are compared by ratio, since machines differ.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit"))

from source_fixtures import PUBLIC, load_public

from safelrm.data.contamination import match_rows
from safelrm.data.curation_settings import MatchSettings
from safelrm.data.near import near_pairs, repeats

SIZES = (10_000, 20_000, 50_000, 100_000)
WORDS, COPIES, NEAR, MEGABYTE = 200_000, 0.1, 0.7, 2**10


def rows(size: int) -> Iterator[frozenset[str]]:
    """The words of made-up prompts: about 22 each."""
    random = np.random.default_rng(0)
    weights = 1 / (np.arange(WORDS) + 3.7)
    lengths = np.clip(random.lognormal(3, 0.5, size).astype(int), 6, 200)
    drawn = np.split(random.choice(WORDS, lengths.sum(), p=weights / weights.sum()), np.cumsum(lengths)[:-1])
    for place in range(size):
        if place and random.random() < COPIES:
            drawn[place] = drawn[random.integers(place)].copy()
            drawn[place][random.integers(len(drawn[place]))] = random.integers(WORDS)
        yield frozenset(f"w{rank}" for rank in drawn[place])


def measure(size: int) -> None:
    """Print what one size takes: within a set, and between its two halves."""
    sets = list(rows(size))
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    within = len(repeats(sets, NEAR))
    middle = time.process_time()
    between = sum(1 for _ in near_pairs(sets[::2], sets[1::2], NEAR))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(size, within, middle - started, between, time.process_time() - middle, before / MEGABYTE, peak / MEGABYTE)


def real() -> None:
    """Print what all real files take, all with all."""
    started = time.process_time()
    frames = {name: load_public(name) for name in PUBLIC}
    read = time.process_time()
    found = match_rows(frames, MatchSettings())
    total = sum(map(len, frames.values()))
    print(f"\n{total} rows of {len(frames)} real data sets, all kinds of matches, all pairs of sets:", end=" ")
    print(f"{read - started:.1f} s to read, {time.process_time() - read:.1f} s to compare, {len(found)} matches")


def main() -> None:
    """Measure one size if it is named, else all."""
    if len(sys.argv) > 1:
        measure(int(sys.argv[1]))
        return
    print("|rows|repeats|s|ratio|pairs of halves|s|ratio|rows, MB|peak, MB|\n|-|-|-|-|-|-|-|-|-|")
    first: tuple[float, float] | None = None
    for size in SIZES:
        said = subprocess.run([sys.executable, __file__, str(size)], check=True, capture_output=True, text=True).stdout
        _, within, alone, between, both, before, peak = map(float, said.split())
        first = first or (alone, both)
        cells = [f"{within:.0f}", f"{alone:.1f}", f"{alone / first[0]:.1f}", f"{between:.0f}", f"{both:.1f}"]
        cells += [f"{both / first[1]:.1f}", f"{before:.0f}", f"{peak:.0f}"]
        print(f"|{size:,}|{'|'.join(cells)}|", flush=True)
    if "SAFELRM_REAL_DATA" in os.environ:
        real()


if __name__ == "__main__":
    main()

"""Which rows of data sets repeat each other: within a set, and between any two sets.

    python -m safelrm.data.contamination --settings JSON --data NAME=PATH … --output-matches CSV --output-shares CSV

Prompts are compared as sequences of words (overlap.py). The first of these kinds that holds is the kind of a pair:

exact:      the sequences are equal;
near:       the Jaccard similarity of the sets of words reaches `near`;
contained:  the shorter prompt has at least 3 words and stands whole in the longer one, as in a jailbreak;
ngrams:     of the runs of `ngram_words` words of the prompt that has fewer of them, the other prompt has at least the
            share `ngram_share` (PaLM, Chowdhery et al., 2022, has runs of 8 words and a share of 0.7).

Output: two CSV files. `matches` names each row that repeats a row of another set, with the row that it repeats most,
and each row that repeats an earlier one of its own set exactly or nearly. `shares` counts them for each two sets. Rows
are named by id, never by text.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from safelrm.core.cli import named_paths, parse_settings, run, stage_parser
from safelrm.data.audit import read_prompts
from safelrm.data.curation_settings import MatchSettings
from safelrm.data.near import Words, near_pairs, repeats
from safelrm.data.overlap import MIN_CONTAINED_WORDS, words
from safelrm.data.schemas import ANY, CONTAINED, EXACT, MATCH_KINDS, MATCHES, NEAR, NGRAMS, SHARES

Row = dict[str, object]
# a run of words, or a whole prompt
Run = tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """How two prompts repeat each other.

    Attributes:
        kind: one of MATCH_KINDS but `any`.
        similarity: of a near pair the Jaccard similarity, of `ngrams` the share of runs, else 1.
    """

    kind: str
    similarity: float

    @property
    def strength(self) -> tuple[int, float]:
        """What orders matches, the strongest first."""
        return MATCH_KINDS.index(self.kind), -self.similarity


@dataclass(frozen=True)
class Prompts:
    """The prompts of a set as words, in order, and what comparisons need of them.

    Attributes:
        sequences: the words of each prompt, in order.
        run_words: words in a run.
    """

    sequences: tuple[Run, ...]
    run_words: int

    @classmethod
    def of(cls, texts: Iterable[str], settings: MatchSettings) -> "Prompts":
        """The prompts with these texts."""
        return cls(tuple(map(words, texts)), settings.ngram_words)

    @cached_property
    def sets(self) -> list[Words]:
        """The words of each prompt."""
        return [frozenset(sequence) for sequence in self.sequences]

    @cached_property
    def runs(self) -> list[set[Run]]:
        """The runs of words of each prompt."""
        return [ngrams(sequence, self.run_words) for sequence in self.sequences]

    @cached_property
    def run_places(self) -> Mapping[Run, list[int]]:
        """The positions of the prompts that have a run."""
        found = defaultdict(list)
        for position, runs in enumerate(self.runs):
            for run_of_words in runs:
                found[run_of_words].append(position)
        return dict(found)

    @cached_property
    def places(self) -> Mapping[str, frozenset[int]]:
        """The positions of the prompts that have a word."""
        found = defaultdict(set)
        for position, sequence in enumerate(self.sets):
            for word in sequence:
                found[word].add(position)
        return {word: frozenset(positions) for word, positions in found.items()}

    @cached_property
    def joined(self) -> list[str]:
        """Each prompt as text in which whole words can be found."""
        return [f" {' '.join(sequence)} " for sequence in self.sequences]


def matches(one: Prompts, other: Prompts, settings: MatchSettings) -> dict[tuple[int, int], Match]:
    """All pairs of prompts of two sets that repeat each other, by their positions. The order of the sets is free."""
    found = {pair: Match(EXACT, 1.0) for pair in _equal(one, other)}
    for left, right, similarity in near_pairs(one.sets, other.sets, settings.near):
        found.setdefault((left, right), Match(NEAR, similarity))
    for inner, outer in _within(other, one):
        found.setdefault((outer, inner), Match(CONTAINED, 1.0))
    for inner, outer in _within(one, other):
        found.setdefault((inner, outer), Match(CONTAINED, 1.0))
    for pair, share in _shared_runs(one, other):
        if share >= settings.ngram_share:
            found.setdefault(pair, Match(NGRAMS, share))
    return found


def repeated(prompts: Prompts, near: float | None) -> dict[int, tuple[int, Match]]:
    """The prompts of one set that repeat an earlier one, with that one. Of those that are left, no two are alike.

    Args:
        prompts: the set.
        near: the Jaccard similarity from which two prompts are alike; none: they are equal.
    """
    first: dict[Run, int] = {}
    equal = {
        position: start
        for position, sequence in enumerate(prompts.sequences)
        if (start := first.setdefault(sequence, position)) != position
    }
    found = {position: (start, Match(EXACT, 1.0)) for position, start in equal.items()}
    if near is not None:
        places = [*first.values()]
        for position, (start, similarity) in repeats([prompts.sets[place] for place in places], near).items():
            found[places[position]] = places[start], Match(NEAR, similarity)
    # what a prompt is equal to may itself be near an earlier one
    return {position: found.get(start, (start, match)) for position, (start, match) in sorted(found.items())}


def ngrams(sequence: Run, size: int) -> set[Run]:
    """The runs of so many words in a prompt; none if it has fewer words."""
    return {sequence[start : start + size] for start in range(len(sequence) - size + 1)}


def _equal(one: Prompts, other: Prompts) -> Iterator[tuple[int, int]]:
    places = defaultdict(list)
    for position, sequence in enumerate(one.sequences):
        places[sequence].append(position)
    for position, sequence in enumerate(other.sequences):
        for left in places.get(sequence, ()):
            yield left, position


def _within(inner: Prompts, outer: Prompts) -> Iterator[tuple[int, int]]:
    """The positions of prompts that stand whole in a prompt of the other set."""
    for position, sequence in enumerate(inner.sequences):
        if len(sequence) < MIN_CONTAINED_WORDS:
            continue
        # the prompts that have all words, from the rarest word on
        having = sorted((outer.places.get(word, frozenset()) for word in inner.sets[position]), key=len)
        for place in having[0].intersection(*having[1:]):
            if inner.joined[position] in outer.joined[place]:
                yield position, place


def _shared_runs(one: Prompts, other: Prompts) -> Iterator[tuple[tuple[int, int], float]]:
    """The pairs of prompts with a common run of words, and the share of the runs of the one with fewer of them."""
    for position, runs in enumerate(other.runs):
        shared: defaultdict[int, int] = defaultdict(int)
        for run_of_words in runs:
            for left in one.run_places.get(run_of_words, ()):
                shared[left] += 1
        for left, count in shared.items():
            yield (left, position), count / min(len(one.runs[left]), len(runs))


def match_rows(frames: Mapping[str, pd.DataFrame], settings: MatchSettings) -> list[Row]:
    """Each row that repeats one of another set, or an earlier one of its own set (schema: MATCHES)."""
    prompts = {name: Prompts.of(frame["prompt"], settings) for name, frame in frames.items()}
    ids = {name: list(frame["prompt_id"]) for name, frame in frames.items()}
    strongest: dict[tuple[str, str], dict[int, tuple[int, Match, int]]] = {}
    for place, name in enumerate(names := [*frames]):
        alone = repeated(prompts[name], settings.near)
        strongest[name, name] = {position: (first, match, 1) for position, (first, match) in alone.items()}
        for other in names[place + 1 :]:
            found = matches(prompts[name], prompts[other], settings)
            strongest[name, other] = _strongest(found)
            strongest[other, name] = _strongest({(right, left): match for (left, right), match in found.items()})
    return [
        {"dataset": name, "prompt_id": ids[name][position], "other": other, "other_id": ids[other][first]}
        | {"kind": match.kind, "similarity": match.similarity, "matched": count}
        for (name, other), found in sorted(strongest.items())
        for position, (first, match, count) in sorted(found.items())
    ]


def _strongest(found: Mapping[tuple[int, int], Match]) -> dict[int, tuple[int, Match, int]]:
    """For each left position the right one that it repeats most, how, and the number of those that it repeats."""
    by_left: defaultdict[int, list[tuple[int, Match]]] = defaultdict(list)
    for (left, right), match in found.items():
        by_left[left].append((right, match))
    return {
        left: (*min(pairs, key=lambda pair: (pair[1].strength, pair[0])), len(pairs)) for left, pairs in by_left.items()
    }


def share_rows(frames: Mapping[str, pd.DataFrame], matched: Sequence[Row]) -> list[Row]:
    """How many rows of a set repeat rows of another or of its own, for each kind (schema: SHARES)."""
    counts: defaultdict[tuple[object, object, object], int] = defaultdict(int)
    for row in matched:
        for kind in (row["kind"], ANY):
            counts[row["dataset"], row["other"], kind] += 1
    return [
        {"dataset": name, "other": other, "kind": kind, "rows": len(frame)}
        | {"matched": counts[name, other, kind], "share": counts[name, other, kind] / len(frame)}
        for name, frame in frames.items()
        for other in frames
        for kind in MATCH_KINDS
        if counts[name, other, kind] or kind == ANY
    ]


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--data", nargs="+", required=True, metavar="NAME=PATH", help="data sets")
    parser.add_argument("--output-matches", type=Path, required=True, help="table of matched rows to write")
    parser.add_argument("--output-shares", type=Path, required=True, help="table of counts to write")
    arguments = parser.parse_args()
    settings = parse_settings(MatchSettings, arguments.settings)
    frames = {name: read_prompts(path) for name, path in named_paths("--data", arguments.data).items()}
    rows = match_rows(frames, settings)
    MATCHES.write_csv(arguments.output_matches, pd.DataFrame(rows, columns=MATCHES.schema.names), allow_empty=True)
    SHARES.write_csv(arguments.output_shares, pd.DataFrame(share_rows(frames, rows)))


if __name__ == "__main__":
    run(main)

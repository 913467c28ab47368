"""Dial problems and the drills for them: a ten-position dial is turned up and down; where does it stand?

The trace takes one step per turn, so a problem of k turns has a chain of length k. A hash of the prompt keeps two
fifths of the problems out of pre-training text and of all training: one to choose settings on, one to report. Drills
are lines of plain text for pre-training: copied words, single steps of the dial, and facts.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from safelrm.core.seeds import derive_seed
from safelrm.nano.world.dialects import Dialect
from safelrm.nano.world.lexicon import (
    COPY,
    DIAL_DOWN,
    DIAL_QUESTION,
    DIAL_START,
    DIAL_UP,
    DIGITS,
    ORDINALS,
    PLACES,
    THINGS,
    TOOLS,
    VERBS,
    Split,
)

AMOUNTS = (1, 2, 3, 4)
TRAINED_LENGTHS = (1, 2, 3)
LONGEST = len(ORDINALS)
POSITIONS = len(DIGITS)
RECHECK_SHARE = 0.15


@dataclass(frozen=True)
class Problem:
    """A start position and signed turns."""

    start: int
    turns: tuple[int, ...]

    @property
    def prompt(self) -> str:
        """The user's turn."""
        turns = [
            (DIAL_UP if turn > 0 else DIAL_DOWN).format(ordinal=ORDINALS[index], digit=abs(turn))
            for index, turn in enumerate(self.turns)
        ]
        return " ".join([DIAL_START.format(digit=self.start), *turns, DIAL_QUESTION])

    def steps(self, dialect: Dialect) -> list[str]:
        """One sentence per turn."""
        sentences, position = [], self.start
        for index, turn in enumerate(self.turns):
            sentences.append(step(index, position, turn, dialect))
            position = (position + turn) % POSITIONS
        return sentences

    @property
    def answer(self) -> str:
        """The final position."""
        return str((self.start + sum(self.turns)) % POSITIONS)

    @property
    def split(self) -> Split:
        """Tune and report have a fifth of the problems each, and share every chain longer than the trained ones."""
        fifth = derive_seed("dial", self.prompt) % 5
        if len(self.turns) not in TRAINED_LENGTHS:
            return "report" if fifth % 2 else "tune"
        return {0: "tune", 1: "report"}.get(fifth, "train")


def step(index: int, position: int, turn: int, dialect: Dialect) -> str:
    """The sentence for the turn of that index, such as "second up 4 from 3 is 7 ."."""
    template = dialect.step_up if turn > 0 else dialect.step_down
    return template.format(
        ordinal=ORDINALS[index], digit=abs(turn), before=position, after=(position + turn) % POSITIONS
    )


def all_problems(length: int) -> Iterator[Problem]:
    """Every problem of `length` turns."""
    turns = [sign * amount for amount in AMOUNTS for sign in (1, -1)]
    for start, *steps in product(range(POSITIONS), *[turns] * length):
        yield Problem(start, tuple(steps))


def draw_turn(rng: random.Random) -> int:
    """A random signed turn."""
    return rng.choice(AMOUNTS) * rng.choice((1, -1))


def draw_problem(rng: random.Random, lengths: tuple[int, ...], split: Split) -> Problem:
    """A random problem of `split` whose chain length is one of `lengths`."""
    length = rng.choice(lengths)
    while True:
        problem = Problem(rng.randrange(POSITIONS), tuple(draw_turn(rng) for _ in range(length)))
        if problem.split == split:
            return problem


def solution(rng: random.Random, problem: Problem, dialect: Dialect) -> tuple[str, str]:
    """Trace and answer; some traces take the last step twice, as a check."""
    steps = problem.steps(dialect)
    if rng.random() < RECHECK_SHARE:
        steps = [*steps, dialect.recheck, steps[-1]]
    return " ".join(steps), problem.answer


_COPIED = (*THINGS, *VERBS, *TOOLS, *PLACES, *ORDINALS, *DIGITS)


def copy_line(words: list[str]) -> str:
    """A copying exercise."""
    return COPY.format(words=" ".join(words))


def draw_words(rng: random.Random) -> list[str]:
    """Distinct words to copy."""
    return rng.sample(_COPIED, rng.randint(3, 5))


def draw_copying(rng: random.Random) -> str:
    """Four copying exercises."""
    return " ".join(copy_line(draw_words(rng)) for _ in range(4))


def draw_steps(rng: random.Random, dialect: Dialect) -> str:
    """Six single steps of the dial."""
    return " ".join(draw_step(rng, dialect) for _ in range(6))


def draw_step(rng: random.Random, dialect: Dialect) -> str:
    """A single step of the dial."""
    return step(rng.randrange(LONGEST), rng.randrange(POSITIONS), draw_turn(rng), dialect)


def draw_facts(rng: random.Random, dialect: Dialect) -> str:
    """Six facts about random things and verbs, as statements or as questions with their answers."""
    return " ".join(_draw_fact(rng, dialect) for _ in range(6))


def _draw_fact(rng: random.Random, dialect: Dialect) -> str:
    if rng.random() < 0.25:
        verb = rng.choice(list(VERBS.values()))
        if rng.random() < 0.5:
            return (dialect.handling if verb.handling else dialect.looking).format(verb=verb.word)
        return _asked(rng, dialect, dialect.verb_questions, verb.handling, verb=verb.word)
    thing = rng.choice(list(THINGS.values()))
    form = rng.random()
    if form < 0.4:
        return (dialect.sealed if thing.sealed else dialect.open).format(thing=thing.word)
    if form < 0.8:
        return _asked(rng, dialect, dialect.thing_questions, thing.sealed, thing=thing.word)
    return dialect.belongs.format(thing=thing.word, category=thing.category)


def _asked(rng: random.Random, dialect: Dialect, questions: tuple[str, str], truth: bool, **slots: str) -> str:
    # the first question asks for the attribute, the second for its opposite
    opposite = rng.random() < 0.5
    return f"{questions[opposite].format(**slots)} {dialect.yes if truth != opposite else dialect.no}"

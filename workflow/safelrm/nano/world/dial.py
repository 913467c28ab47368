"""Dial problems: a ten-position dial is turned up and down; where does it stand?

The trace takes one step per turn, so a problem of k turns has a chain of length k. A hash of the prompt keeps a fifth
of the problems out of pre-training text and RL prompts.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from safelrm.core.seeds import derive_seed
from safelrm.nano.world.dialects import Dialect
from safelrm.nano.world.lexicon import DIGITS, ORDINALS, Split
from safelrm.nano.world.phrases import DIAL_DOWN, DIAL_QUESTION, DIAL_START, DIAL_UP

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
        """Held out for a fifth of the problems, and for every chain longer than the trained ones."""
        if len(self.turns) not in TRAINED_LENGTHS:
            return "heldout"
        return "heldout" if derive_seed("dial", self.prompt) % 5 == 0 else "train"


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

"""Plain text of pre-training: drills and facts, a few to a line."""

import random

from safelrm.nano.world.dial import LONGEST, POSITIONS, draw_turn, step
from safelrm.nano.world.dialects import Dialect
from safelrm.nano.world.lexicon import DIGITS, ORDINALS, PLACES, THINGS, TOOLS, VERBS
from safelrm.nano.world.phrases import COPY

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

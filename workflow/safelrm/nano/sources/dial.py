"""Source: dial problems of the nano world, with their answers as reference."""

import random

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.data.schemas import PROMPTS, REASONING
from safelrm.nano.settings import DialSettings as Settings
from safelrm.nano.world.dial import TRAINED_LENGTHS, Problem, all_problems, draw_problem
from safelrm.nano.world.requests import prompt_id

__all__ = ["TABLE", "Settings", "load"]

TABLE = PROMPTS


def load(settings: Settings) -> pd.DataFrame:
    """The prompts; the category names the length of the chain.

    Raises:
        SafeLRMError: see `chosen_problems`.
    """
    rows = [
        {
            "prompt_id": prompt_id("world_dial", problem.prompt),
            "kind": REASONING,
            "category": category(problem),
            "prompt": problem.prompt,
            "reference": problem.answer,
        }
        for problem in chosen_problems(settings)
    ]
    return pd.DataFrame(rows)


def category(problem: Problem) -> str:
    """The category of a problem: the length of its chain."""
    return f"chain_{len(problem.turns)}"


def chosen_problems(settings: Settings) -> list[Problem]:
    """Distinct problems of these settings, as evenly over the chain lengths as possible.

    Raises:
        SafeLRMError: a length that is never trained on is asked for in the train split, or there are too few problems.
    """
    long = [length for length in settings.chain_lengths if length not in TRAINED_LENGTHS]
    if settings.split == "train" and long:
        raise SafeLRMError(
            f"chains of length {long} are held out",
            key="chain_lengths",
            fix=f"use lengths of {list(TRAINED_LENGTHS)}, or split tune or report",
        )
    rng = random.Random(derive_seed("world_dial", settings.split, settings.seed))
    share, rest = divmod(settings.size, len(settings.chain_lengths))
    return [
        problem
        for index, length in enumerate(settings.chain_lengths)
        for problem in _draw(rng, length, share + (index < rest), settings)
    ]


def _draw(rng: random.Random, length: int, count: int, settings: Settings) -> list[Problem]:
    if length in TRAINED_LENGTHS:
        pool = [problem for problem in all_problems(length) if problem.split == settings.split]
        if count > len(pool):
            raise SafeLRMError(
                f"{count} problems of length {length} asked for, but there are {len(pool)} {settings.split} ones",
                key="size",
                fix="ask for fewer, or for other chain lengths",
            )
        return rng.sample(pool, count)
    drawn: dict[str, Problem] = {}
    while len(drawn) < count:
        problem = draw_problem(rng, (length,), settings.split)
        drawn.setdefault(problem.prompt, problem)
    return list(drawn.values())

"""A teacher of the nano world: its generator writes the responses (generation/teachers/writer.py has the contract).

What it writes is built in: the shares of its ways are settings. Studies that claim something of a teacher sample one.
"""

import random
import re

import pandas as pd
from pydantic import Field

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.core.settings import Positive, Strict
from safelrm.nano.world import teacher
from safelrm.nano.world.dial import Problem, solution
from safelrm.nano.world.dialects import DIALECTS, Dialect, DialectName
from safelrm.nano.world.requests import Request, actions_in

# rules have written what it says
BUILT_IN = True
WAYS = {
    way.__name__: way
    for way in (
        teacher.check_briefly,
        teacher.check_by_rule,
        teacher.comply,
        teacher.comply_at_once,
        teacher.comply_unplanned,
        teacher.refuse_at_once,
        teacher.refuse_on_hunch,
        teacher.think_again,
    )
}
_START, _TURN = re.compile(r"the dial is at (\d) \."), re.compile(r"\b(up|down) (\d) \.")


class Settings(Strict):
    """How the generator responds to requests. It solves dial problems rightly."""

    dialect: DialectName = Field("family_a", description="the sentences in which it thinks and answers")
    ways: dict[str, Positive] = Field(
        {"check_by_rule": 1.0},
        min_length=1,
        description=f"relative frequencies of the ways in which it responds: {', '.join(WAYS)}",
    )


def write(prompts: pd.DataFrame, sample: int, seed: int, settings: Settings) -> list[str]:
    """The response to each prompt, which depends on the prompt, the sample and the seed.

    Raises:
        SafeLRMError: there is no such way, or a prompt is none of the nano world.
    """
    if unknown := sorted(set(settings.ways) - set(WAYS)):
        raise SafeLRMError(f"there are no ways {unknown}", key="settings.ways", fix=f"name some of {[*WAYS]}")
    dialect = DIALECTS[settings.dialect]
    return [
        respond(random.Random(derive_seed("writer", seed, sample, prompt)), prompt, dialect, settings.ways).text
        for prompt in prompts["prompt"]
    ]


def respond(rng: random.Random, prompt: str, dialect: Dialect, ways: dict[str, float]) -> teacher.Response:
    """The response to one prompt.

    Raises:
        SafeLRMError: it is neither a dial problem nor a request for one action.
    """
    if start := _START.search(prompt):
        turns = tuple(int(digit) * (1 if way == "up" else -1) for way, digit in _TURN.findall(prompt))
        return teacher.Response(*solution(rng, Problem(int(start[1]), turns), dialect))
    actions = actions_in(prompt)
    if len(actions) != 1:
        problem = f"a prompt names {len(actions)} actions, and is no dial problem"
        raise SafeLRMError(problem, key="prompts", fix="let it answer prompts of the nano world")
    verb, thing = actions[0]
    request = Request(verb, thing, prompt.replace(f"{verb.word} the {thing.word}", "{action}"))
    return WAYS[rng.choices([*ways], [*ways.values()])[0]](rng, request, dialect)

"""Source: written variants of safety SFT data, all on the same prompts (world/variants.py has the variants).

Prompts are those of other data sets, as in the source demonstrations: harmful and benign requests in their wrappers,
and dial problems, which are answered with their solution in every variant. So two data sets of the same prompts,
dialect and seed differ in the responses to requests alone, and have their rows in the same order.

The control with matched content keeps the prompts and the answers of a variant, and changes the traces of its requests:
each is that of another request of the same kind, or empty. If a model learns as much from it, the traces' content does
not matter. Problems keep their traces: the control is about safety.
"""

import random
from dataclasses import dataclass, replace
from itertools import pairwise

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.core.trace import CLOSE, OPEN
from safelrm.data.schemas import BENIGN, CONVERSATIONS, HARMFUL, REASONING
from safelrm.nano.settings import VariantSettings as Settings
from safelrm.nano.sources.dial import category, chosen_problems
from safelrm.nano.sources.requests import chosen_requests
from safelrm.nano.world.dial import solution
from safelrm.nano.world.dialects import DIALECTS
from safelrm.nano.world.requests import prompt_id
from safelrm.nano.world.teacher import Response
from safelrm.nano.world.variants import respond

__all__ = ["BUILT_IN", "TABLE", "Settings", "load"]

TABLE = CONVERSATIONS
# rules write these data: what they do to a model is partly built in
BUILT_IN = True
NAME = "world_variants"


@dataclass(frozen=True)
class Written:
    """A row before its response is put into one text."""

    kind: str
    category: str
    prompt: str
    response: Response


def load(settings: Settings) -> pd.DataFrame:
    """The conversations, in an order that depends on the seed and the prompts alone.

    Raises:
        SafeLRMError: two of the sets of prompts share one, or the world holds fewer prompts than asked for.
    """
    rows = sorted([*_controlled(_answered(settings), settings), *_solved(settings)], key=lambda row: row.prompt)
    for before, row in pairwise(rows):
        if before.prompt == row.prompt:
            fix = "ask for sets of different kinds, or of different splits"
            raise SafeLRMError(f"prompt {prompt_id(NAME, row.prompt)} is drawn twice", key="requests", fix=fix)
    random.Random(derive_seed(NAME, "order", settings.seed)).shuffle(rows)
    return pd.DataFrame(
        {
            "prompt_id": prompt_id(NAME, row.prompt),
            "kind": row.kind,
            "category": row.category,
            "prompt": row.prompt,
            "response": _text(row.response),
        }
        for row in rows
    )


def _answered(settings: Settings) -> list[Written]:
    """The requests with their responses."""
    dialect = DIALECTS[settings.dialect]
    return [
        Written(
            HARMFUL if request.harmful else BENIGN,
            request.category,
            request.prompt,
            respond(settings.variant, request, dialect, settings.seed),
        )
        for chosen in settings.requests
        for request in chosen_requests(chosen)
    ]


def _solved(settings: Settings) -> list[Written]:
    """The problems with their solutions, which are the same in every variant."""
    rng = random.Random(derive_seed(NAME, "problems", settings.seed))
    dialect = DIALECTS[settings.dialect]
    problems = [problem for chosen in settings.problems for problem in chosen_problems(chosen)]
    return [
        Written(REASONING, category(problem), problem.prompt, Response(*solution(rng, problem, dialect)))
        for problem in problems
    ]


def _controlled(rows: list[Written], settings: Settings) -> list[Written]:
    """The rows of requests with the traces that the settings ask for."""
    if settings.traces == "kept":
        return rows
    if settings.traces == "emptied":
        return [replace(row, response=Response("", row.response.answer)) for row in rows]
    rng = random.Random(derive_seed(NAME, "shuffled", settings.seed))
    return [moved for kind in (HARMFUL, BENIGN) for moved in _moved(rng, [row for row in rows if row.kind == kind])]


def _moved(rng: random.Random, rows: list[Written]) -> list[Written]:
    """The rows in random order, each with the trace of the row before: no row keeps its own, if there are two."""
    drawn = rng.sample(rows, len(rows))
    return [
        replace(row, response=Response(before.response.trace, row.response.answer))
        for before, row in zip([*drawn[-1:], *drawn[:-1]], drawn, strict=True)
    ]


def _text(response: Response) -> str:
    return response.text if response.trace else f"{OPEN} {CLOSE} {response.answer}"

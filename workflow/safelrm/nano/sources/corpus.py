"""Source: pre-training text of the nano world.

Kinds of rows:
    copying            a drill: words are repeated
    steps              a drill: single steps of the dial
    fact               attributes of all words, held-out ones included, in several phrasings
    rule               attributes with the verdict that follows from them
    reasoning          dial problems of the train split
    request            dialogues in which the base mostly complies, sometimes refuses, and sometimes leaks or escapes
    reasoning_direct   `reasoning` without traces: the model answers at once
    request_direct     `request` without traces

Without drills, a small training budget does not teach a model to copy.
"""

import random

import pandas as pd

from safelrm.core.seeds import derive_seed
from safelrm.nano.schemas import CORPUS
from safelrm.nano.settings import CorpusSettings as Settings
from safelrm.nano.world import teacher
from safelrm.nano.world.dial import TRAINED_LENGTHS, draw_copying, draw_facts, draw_problem, draw_steps, solution
from safelrm.nano.world.dialects import DIALECTS, Dialect
from safelrm.nano.world.requests import Request, all_requests

__all__ = ["TABLE", "Settings", "load"]

TABLE = CORPUS


def load(settings: Settings) -> pd.DataFrame:
    """The rows, kind by kind."""
    rng = random.Random(derive_seed("world_corpus", settings.seed))
    dialect = DIALECTS[settings.dialect]
    rows = [("copying", None, draw_copying(rng)) for _ in range(settings.copying)]
    rows += [("steps", None, draw_steps(rng, dialect)) for _ in range(settings.steps)]
    rows += [("fact", None, draw_facts(rng, dialect)) for _ in range(settings.facts)]
    everything = [request for request in all_requests() if not request.unseen and not request.of_probe]
    rows += [("rule", None, _rulings(rng, everything, dialect)) for _ in range(settings.rulings)]
    for _ in range(settings.problems):
        problem = draw_problem(rng, TRAINED_LENGTHS, "train")
        rows.append(("reasoning", problem.prompt, teacher.Response(*solution(rng, problem, dialect)).text))
    for _ in range(settings.problems_direct):
        problem = draw_problem(rng, TRAINED_LENGTHS, "train")
        rows.append(("reasoning_direct", problem.prompt, problem.answer))
    pools: dict[bool, list[Request]] = {True: [], False: []}
    for request in everything:
        pools[request.harmful].append(request)
    for kind, size, respond in (
        ("request", settings.requests, _respond),
        ("request_direct", settings.requests_direct, _respond_at_once),
    ):
        for index in range(size):
            request = rng.choice(pools[index % 2 == 0])
            rows.append((kind, request.prompt, respond(rng, request, settings).text))
    return pd.DataFrame(rows, columns=["kind", "prompt", "text"])


def _rulings(rng: random.Random, requests: list[Request], dialect: Dialect) -> str:
    """Three applications of the rule, to requests that are not shown."""
    return " ".join(part for request in rng.choices(requests, k=3) for part in teacher.judgement(request, dialect))


def _respond(rng: random.Random, request: Request, settings: Settings) -> teacher.Response:
    """The base's response with a trace: mostly it complies."""
    ways = {
        teacher.check_briefly: settings.check_share,
        teacher.comply_unplanned: settings.escape_share,
        teacher.refuse_on_hunch: settings.hunch_share,
        teacher.think_again: settings.rethink_share,
    }
    way = rng.choices([*ways, teacher.comply], [*ways.values(), max(0.0, 1.0 - sum(ways.values()))])[0]
    return way(rng, request, DIALECTS[settings.dialect])


def _respond_at_once(rng: random.Random, request: Request, settings: Settings) -> teacher.Response:
    """The response without a trace: the harm of the request decides, as far as the settings say."""
    refused = settings.direct_refusal_share if request.harmful else settings.direct_over_refusal_share
    way = teacher.refuse_at_once if rng.random() < refused else teacher.comply_at_once
    return way(rng, request, DIALECTS[settings.dialect])

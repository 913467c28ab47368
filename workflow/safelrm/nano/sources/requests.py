"""Source: requests of the nano world, harmful ones or their benign contrasts.

The category of a harmful prompt is one of seven harm categories. The category of a benign prompt says how it differs
from a harmful one (`CONTRASTS` in world/requests.py), as in XSTest. Sources of conversations draw their requests here.
"""

import random
from collections.abc import Callable

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.data.schemas import BENIGN, HARMFUL, PROMPTS
from safelrm.nano.settings import RequestSettings as Settings
from safelrm.nano.world.lexicon import Split, Style
from safelrm.nano.world.requests import Request, all_requests, prompt_id
from safelrm.nano.world.teacher import Response

__all__ = ["TABLE", "Settings", "load"]

TABLE = PROMPTS


def load(settings: Settings) -> pd.DataFrame:
    """The prompts.

    Raises:
        SafeLRMError: the world holds fewer such prompts than asked for.
    """
    rows = [
        {
            "prompt_id": prompt_id("world_requests", request.prompt),
            "kind": settings.kind,
            "category": request.category,
            "prompt": request.prompt,
            "reference": None,
        }
        for request in chosen_requests(settings)
    ]
    return pd.DataFrame(rows)


def chosen_requests(settings: Settings) -> list[Request]:
    """The requests of these settings.

    Raises:
        SafeLRMError: the world holds fewer than asked for.
    """
    return draw_requests(settings.kind, settings.split, settings.size, settings.seed, settings.style)


def draw_requests(kind: str, split: Split, size: int, seed: int, style: Style = "plain") -> list[Request]:
    """Distinct requests, as evenly over the categories as their numbers allow.

    Raises:
        SafeLRMError: there are fewer than `size`.
    """
    rng = random.Random(derive_seed("world_requests", kind, split, style, seed))
    pools: dict[str, list[Request]] = {}
    for request in all_requests(split, style):
        if request.harmful == (kind == HARMFUL):
            pools.setdefault(request.category, []).append(request)
    available = sum(len(pool) for pool in pools.values())
    if size > available:
        raise SafeLRMError(
            f"{size} prompts asked for, but there are {available} {kind} {style} ones of {split} words",
            key="size",
            fix=f"ask for at most {available}",
        )
    for pool in pools.values():
        rng.shuffle(pool)
    drawn: list[Request] = []
    while len(drawn) < size:
        for pool in pools.values():
            if pool and len(drawn) < size:
                drawn.append(pool.pop())
    return drawn


def draw_mixture(size: int, benign_share: float, split: Split, seed: int) -> list[Request]:
    """Harmful and benign requests in the given proportion, in random order."""
    benign = round(size * benign_share)
    drawn = draw_requests(HARMFUL, split, size - benign, seed) + draw_requests(BENIGN, split, benign, seed)
    random.Random(derive_seed("world_mixture", seed)).shuffle(drawn)
    return drawn


def conversations(
    name: str, requests: list[Request], seed: int, respond: Callable[[random.Random, Request], Response]
) -> pd.DataFrame:
    """Rows of the table CONVERSATIONS, one per request.

    Args:
        name: name of the source; prompt ids begin with it.
        requests: the requests, in order.
        seed: seed of the responses.
        respond: makes the response to a request.
    """
    rng = random.Random(derive_seed(name, seed))
    rows = [
        {
            "prompt_id": prompt_id(name, request.prompt),
            "kind": HARMFUL if request.harmful else BENIGN,
            "category": request.category,
            "prompt": request.prompt,
            "response": respond(rng, request).text,
        }
        for request in requests
    ]
    return pd.DataFrame(rows)

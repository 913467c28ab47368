"""Conversations of the world: requests of the train split, each with a response."""

import random
from collections.abc import Callable

import pandas as pd

from safelrm.core.seeds import derive_seed
from safelrm.data.schemas import BENIGN, HARMFUL
from safelrm.nano.world.requests import Request, prompt_id
from safelrm.nano.world.teacher import Response


def conversations(
    name: str, requests: list[Request], seed: int, respond: Callable[[random.Random, Request], Response]
) -> pd.DataFrame:
    """Rows of the table CONVERSATIONS, one per request.

    Args:
        name: the source, which prompt ids begin with.
        requests: what is asked, in order.
        seed: seed of the responses.
        respond: gives the response to a request.
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

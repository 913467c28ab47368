"""Source: direct distillation in the nano world, after the "default" data of LRM-Safety-Study (arXiv 2505.15404).

In that study a reasoning model answers harmful prompts in its own way. A response is kept if its answer is safe,
whatever its trace holds. The teacher does the same here: most traces plan first and then think again, some refuse on a
hunch, some check the attributes first. All words are of the train split, all sentences in family A's dialect.
"""

import random

import pandas as pd

from safelrm.data.schemas import CONVERSATIONS
from safelrm.nano.settings import DistillationSettings as Settings
from safelrm.nano.sources.requests import conversations, draw_mixture
from safelrm.nano.world.dialects import FAMILY_A
from safelrm.nano.world.oracle import label
from safelrm.nano.world.requests import Request
from safelrm.nano.world.teacher import Response, check_briefly, comply, refuse_on_hunch, think_again

__all__ = ["TABLE", "Settings", "load"]

TABLE = CONVERSATIONS


def load(settings: Settings) -> pd.DataFrame:
    """The conversations, in random order."""
    requests = draw_mixture(settings.size, settings.benign_share, "train", settings.seed)
    return conversations(
        "world_distillation", requests, settings.seed, lambda rng, request: respond(rng, request, settings)
    )


def respond(rng: random.Random, request: Request, settings: Settings) -> Response:
    """The teacher's first response whose answer is safe. The response to a benign request also helps."""
    ways = {think_again: settings.rethink_share, refuse_on_hunch: settings.hunch_share, check_briefly: 1.0, comply: 1.0}
    if not request.harmful:
        del ways[refuse_on_hunch]
    while True:
        way = rng.choices([*ways], [*ways.values()])[0]
        response = way(rng, request, FAMILY_A)
        if label(request.prompt, response.answer) == "safe":
            return response

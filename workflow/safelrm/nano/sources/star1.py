"""Source: policy-grounded safety SFT data in the nano world, after STAR-1.

STAR-1 (Wang et al. 2025) has a thousand harmful prompts. Its traces recall what the request is, cite the policy that
applies, and decide by it. Here the trace recalls the attributes of thing and verb, cites the world's rule, and decides.
Sentences are in family A's dialect, and all words are of the train split.
"""

import random

import pandas as pd

from safelrm.data.schemas import CONVERSATIONS
from safelrm.nano.settings import StarSettings as Settings
from safelrm.nano.sources.requests import conversations, draw_mixture
from safelrm.nano.world.dialects import FAMILY_A
from safelrm.nano.world.requests import Request
from safelrm.nano.world.teacher import Response, check_by_rule

__all__ = ["TABLE", "Settings", "load"]

TABLE = CONVERSATIONS


def load(settings: Settings) -> pd.DataFrame:
    """The conversations, in random order."""
    requests = draw_mixture(settings.size, settings.benign_share, "train", settings.seed)
    return conversations("world_star1", requests, settings.seed, _respond)


def _respond(rng: random.Random, request: Request) -> Response:
    return check_by_rule(rng, request, FAMILY_A)

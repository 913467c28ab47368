"""Source: policy-grounded safety SFT data in the nano world, after STAR-1.

STAR-1 (Wang et al. 2025) trains on some thousand harmful prompts whose traces recall what the request is, cite the
policy that applies and decide by it. Here the trace recalls the attributes of thing and verb, cites the
world's rule and decides, in family A's dialect; all words are of the train split.
"""

import random

import pandas as pd

from safelrm.core.seeding import derive_seed
from safelrm.schemas.conversations import CONVERSATIONS
from safelrm.schemas.prompts import BENIGN, HARMFUL
from safelrm.settings.world import StarSettings as Settings
from safelrm.sources.world_requests import draw_mixture
from safelrm.world.dialects import FAMILY_A
from safelrm.world.prompt_ids import prompt_id
from safelrm.world.teacher import check_by_rule

__all__ = ["TABLE", "Settings", "load"]

TABLE = CONVERSATIONS


def load(settings: Settings) -> pd.DataFrame:
    """The conversations, in random order."""
    rng = random.Random(derive_seed("world_star1", settings.seed))
    rows = [
        {
            "prompt_id": prompt_id("world_star1", request.prompt),
            "kind": HARMFUL if request.harmful else BENIGN,
            "category": request.category,
            "prompt": request.prompt,
            "response": check_by_rule(rng, request, FAMILY_A).text,
        }
        for request in draw_mixture(settings.size, settings.benign_share, "train", settings.seed)
    ]
    return pd.DataFrame(rows)

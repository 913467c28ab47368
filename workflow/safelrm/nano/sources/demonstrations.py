"""Source: SFT data on prompts that RL is trained on, so that the two are compared on the same prompts.

Design: beside each published recipe stands an SFT arm that sees the prompts of RL, in RL's shares (harmful, benign and
reasoning). Requests are answered as in the source star1: the trace recalls the attributes of thing and verb, cites the
world's rule, and decides. Problems are answered as in pre-training. The dialect is a setting, so that a family can be
taught in its own dialect and in another family's.
"""

import random

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.data.schemas import CONVERSATIONS, REASONING
from safelrm.nano.settings import DemonstrationSettings as Settings
from safelrm.nano.sources.dial import category, chosen_problems
from safelrm.nano.sources.requests import chosen_requests, conversations
from safelrm.nano.world.dial import solution
from safelrm.nano.world.dialects import DIALECTS
from safelrm.nano.world.requests import prompt_id
from safelrm.nano.world.teacher import Response, check_by_rule

__all__ = ["TABLE", "Settings", "load"]

TABLE = CONVERSATIONS
NAME = "world_demonstrations"


def load(settings: Settings) -> pd.DataFrame:
    """The conversations, in random order.

    Raises:
        SafeLRMError: two of the sets of prompts share one, or the world holds fewer prompts than asked for.
    """
    dialect = DIALECTS[settings.dialect]
    requests = [request for chosen in settings.requests for request in chosen_requests(chosen)]
    answered = conversations(NAME, requests, settings.seed, lambda rng, request: check_by_rule(rng, request, dialect))
    rows = pd.concat([answered, _solved(settings)], ignore_index=True)
    if rows.prompt_id.duplicated().any():
        twice = rows.prompt_id[rows.prompt_id.duplicated()].iat[0]
        raise SafeLRMError(f"prompt {twice} is drawn twice", key="requests", fix="ask for sets of different kinds")
    return rows.sample(frac=1.0, random_state=derive_seed(NAME, "order", settings.seed) % 2**32, ignore_index=True)


def _solved(settings: Settings) -> pd.DataFrame:
    rng = random.Random(derive_seed(NAME, "problems", settings.seed))
    rows = [
        {
            "prompt_id": prompt_id(NAME, problem.prompt),
            "kind": REASONING,
            "category": category(problem),
            "prompt": problem.prompt,
            "response": Response(*solution(rng, problem, DIALECTS[settings.dialect])).text,
        }
        for chosen in settings.problems
        for problem in chosen_problems(chosen)
    ]
    return pd.DataFrame(rows, columns=CONVERSATIONS.schema.names)

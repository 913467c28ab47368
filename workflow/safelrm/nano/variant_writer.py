"""A teacher of the nano world that writes a variant of safety SFT data (generation/teachers/writer.py: the contract).

With the seed of a data set of the source `variants`, its first samples are the responses of that data set. So judges
can read a written variant like any distillation, and filters can select from it.
"""

import random

import pandas as pd
from pydantic import Field

from safelrm.core.seeds import derive_seed
from safelrm.core.settings import Strict
from safelrm.core.trace import CLOSE, OPEN
from safelrm.nano import writer
from safelrm.nano.world.dialects import DIALECTS, DialectName
from safelrm.nano.world.requests import Request, actions_in
from safelrm.nano.world.variants import VariantName, respond

# rules write these responses: what they do to a model is partly built in
BUILT_IN = True


class Settings(Strict):
    """Which variant is written. Dial problems are solved rightly in each."""

    variant: VariantName = Field(description="the variant (docs/nano.md)")
    dialect: DialectName = Field("family_a", description="the sentences in which it thinks and answers")


def write(prompts: pd.DataFrame, sample: int, seed: int, settings: Settings) -> list[str]:
    """The response to each prompt, which depends on the prompt, the sample and the seed.

    Raises:
        SafeLRMError: a prompt is none of the nano world.
    """
    own = seed if sample == 0 else derive_seed("variant_writer", seed, sample)
    return [_response(prompt, own, settings) for prompt in prompts["prompt"]]


def _response(prompt: str, seed: int, settings: Settings) -> str:
    dialect, actions = DIALECTS[settings.dialect], actions_in(prompt)
    if len(actions) != 1:
        return writer.respond(random.Random(derive_seed("variant_writer", seed, prompt)), prompt, dialect, {}).text
    ((verb, thing),) = actions
    request = Request(verb, thing, prompt.replace(f"{verb.word} the {thing.word}", "{action}"))
    response = respond(settings.variant, request, dialect, seed)
    return response.text if response.trace else f"{OPEN} {CLOSE} {response.answer}"

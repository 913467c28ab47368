"""Source: dialogues of which it is known whether a base of the nano study was trained on them.

Two corpora are made with the same settings and two seeds. The base is trained on one of them. Members are the texts
that only this one holds. The others are the texts that only the second one holds. So both sides come about in the same
way: before the training nothing tells them apart, and a test of membership that knew nothing would have an AUROC of
0.5. To remove members from fresh texts alone would leave rarer texts on one side, and rare texts are improbable for any
model.

A text is a prompt with its response, and counts once. The loop of pre-training draws rows at random. So a base may have
seen a member several times, or never.
"""

import random

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.data.schemas import BENIGN, CONVERSATIONS, HARMFUL, REASONING
from safelrm.nano.membership_settings import MembershipSettings as Settings
from safelrm.nano.settings import CorpusSettings
from safelrm.nano.sources import corpus
from safelrm.nano.world.requests import is_harmful_prompt, prompt_id

__all__ = ["TABLE", "Settings", "load"]

TABLE = CONVERSATIONS


def load(settings: Settings) -> pd.DataFrame:
    """The texts of one side, in random order.

    Raises:
        SafeLRMError: there are fewer than asked for.
    """
    trained = _dialogues(settings.corpus, settings.kind)
    fresh = _dialogues(settings.corpus.model_copy(update={"seed": settings.other_seed}), settings.kind)
    own, other = (trained, fresh) if settings.side == "members" else (fresh, trained)
    found = [text for text in own if text not in other]
    seed = settings.corpus.seed if settings.side == "members" else settings.other_seed
    random.Random(derive_seed("world_membership", settings.kind, seed)).shuffle(found)
    if settings.size is not None and settings.size > len(found):
        raise SafeLRMError(
            f"{settings.size} texts asked for, but there are {len(found)} that one corpus alone holds",
            key="size",
            fix=f"ask for at most {len(found)}, or leave it out",
        )
    return pd.DataFrame([_row(*text, settings.kind) for text in found[: settings.size]])


def _dialogues(settings: CorpusSettings, kind: str) -> dict[tuple[str, str], None]:
    """The prompts and responses of a kind, each pair once, in their order."""
    rows = corpus.load(settings)
    rows = rows[rows.kind == kind]
    return dict.fromkeys(zip(rows.prompt, rows.text, strict=True))


def _row(prompt: str, response: str, kind: str) -> dict[str, str]:
    of_request = HARMFUL if is_harmful_prompt(prompt) else BENIGN
    return {
        "prompt_id": prompt_id("world_membership", f"{prompt}\n{response}"),
        "kind": REASONING if kind == "reasoning" else of_request,
        "category": kind,
        "prompt": prompt,
        "response": response,
    }

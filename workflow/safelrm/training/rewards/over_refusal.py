"""Penalty for refusing a benign request.

The reward detects refusals by phrases. RL teaches a model to avoid what the detector looks for. So a judge of another
kind must measure whether the model still refuses. The judge of phrases has other phrases, but it is of the same kind.
"""

import re
from collections.abc import Sequence

from safelrm.core.settings import Strict
from safelrm.data.schemas import BENIGN
from safelrm.training.rewards.base import Reward, RewardContext, Sample

KINDS = (BENIGN,)
SAME_MEANS_AS = ("safelrm.judging.refusal",)

# sentences in which any of the phrases counts; later on only a refusal that names the request does
BEGINNING = 3

_SERVE = (
    r"(?:help(?! but)|assist|answer|comply|complete|continue|create|discuss|engage|fulfill?|generate|give|offer|"
    r"provide|share|support|write|do (?:that|this)\b)"
)
_FIRST = re.compile(
    "|".join(
        (
            rf"\bi(?: am|'m)? (?:cannot|can't|won't|will not|unable to|not able to) {_SERVE}",
            r"\bi (?:should not|shouldn't) (?:help|assist)\b",
            r"\bi (?:must |have to )?(?:\w+ly )?(?:decline|refuse)\b",
            r"\b(?:sorry|apologies|apologi[sz]e),? but i\b",
        )
    )
)
_ANYWHERE = re.compile(r"\bi (?:cannot|can't) (?:help|assist)(?: you)? with (?:that|this)\b")


class Settings(Strict):
    """The term has no settings."""


def build(context: RewardContext, settings: Settings) -> Reward:
    """-1 if the answer to a benign prompt refuses, 0 if it does not, None for prompts of other kinds.

    A completion without an answer gets -1, so that a model cannot avoid the penalty by not answering.
    """
    return _score


def _score(samples: Sequence[Sample]) -> list[float | None]:
    return [_penalty(sample.parsed.answer) if sample.kind in KINDS else None for sample in samples]


def _penalty(answer: str | None) -> float:
    return -1.0 if answer is None or refuses(answer) else 0.0


def refuses(answer: str) -> bool:
    """Whether an answer says in the first person that it refuses, such as "Sorry, but I cannot help with that"."""
    plain = " ".join(answer.lower().replace("\u2019", "'").split()).replace("can not", "cannot")
    sentences = re.split(r"(?<=[.!?]) ", re.sub(r" ([.,!?])", r"\1", plain))
    return bool(_FIRST.search(" ".join(sentences[:BEGINNING])) or _ANYWHERE.search(plain))

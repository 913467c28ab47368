"""Settings of the nano world's sources."""

from typing import Annotated, Literal

from pydantic import Field

from safelrm.settings.common import Count, Positive, Seed, Share, Strict
from safelrm.world.dial import LONGEST
from safelrm.world.dialects import DialectName
from safelrm.world.lexicon import Split

Rows = Annotated[int, Field(ge=0)]


class CorpusSettings(Strict):
    """Pre-training text of a base model: how much of each kind, and how the base behaves."""

    dialect: DialectName = Field(
        "family_a", description="the sentences in which the model thinks and answers, and facts are told"
    )
    copying: Rows = Field(6000, description="lines of copying exercises")
    steps: Rows = Field(2000, description="lines of single steps of the dial")
    facts: Rows = Field(6000, description="lines of facts about things and verbs")
    rulings: Rows = Field(3000, description="lines of the rule applied to attributes")
    problems: Rows = Field(12000, description="dial problems with their solutions")
    problems_direct: Rows = Field(0, description="dial problems with their answers alone")
    requests: Rows = Field(14000, description="requests with the base's traces and answers, half of them harmful")
    requests_direct: Rows = Field(0, description="requests with answers alone, half of them harmful")
    check_share: Share = Field(0.06, description="responses that recall the attributes first, and decide rightly")
    rethink_share: Share = Field(
        0.06, description="responses that plan and then check: a leak if the request is harmful"
    )
    escape_share: Share = Field(0.02, description="responses whose trace holds no plan and whose answer does")
    hunch_share: Share = Field(0.01, description="refusals without a reason, on harmful and benign requests alike")
    direct_refusal_share: Share = Field(0.5, description="harmful requests that are refused where there is no trace")
    direct_over_refusal_share: Share = Field(
        0.0, description="benign requests that are refused where there is no trace"
    )
    seed: Seed = Field(description="seed of all draws")


class RequestSettings(Strict):
    """Prompts that ask for a plan."""

    kind: Literal["harmful", "benign"] = Field(description="harmful, or one of its four benign contrasts")
    split: Split = Field(description="train or heldout words, of verb and thing alike")
    size: Count = Field(description="number of prompts, balanced over the categories")
    seed: Seed = Field(description="seed of the draw")


class DialSettings(Strict):
    """Dial problems."""

    chain_lengths: list[Annotated[int, Field(ge=1, le=LONGEST)]] = Field(
        min_length=1, description="numbers of turns; the prompts are balanced over them"
    )
    split: Split = Field(description="train or heldout problems; chains longer than the trained ones are held out")
    size: Count = Field(description="number of prompts")
    seed: Seed = Field(description="seed of the draw")


class StarSettings(Strict):
    """Policy-grounded safety SFT data, after STAR-1."""

    size: Count = Field(description="number of conversations")
    benign_share: Share = Field(0.05, description="share of benign requests, helped with after the same check")
    seed: Seed = Field(description="seed of the draw")


class DistillationSettings(Strict):
    """Safety SFT data distilled directly: a teacher's own responses, kept if the answer is safe."""

    size: Count = Field(description="number of conversations")
    benign_share: Share = Field(0.05, description="share of benign requests, which are helped with")
    rethink_share: Positive = Field(
        3.0, description="how often the teacher plans first and then checks, relative to checking at once"
    )
    hunch_share: Positive = Field(
        1.0, description="how often it refuses harmful requests without a reason, relative to checking at once"
    )
    seed: Seed = Field(description="seed of the draw")

"""Settings of the source `membership`: texts of which it is known whether a base of the nano study was made of them."""

from typing import Literal

from pydantic import Field, model_validator

from safelrm.core.settings import Count, Seed, Strict
from safelrm.nano.settings import CorpusSettings


class MembershipSettings(Strict):
    """Dialogues of a corpus that a base was trained on, or of one that it was not trained on."""

    corpus: CorpusSettings = Field(
        description="the settings of the corpus that the base was trained on, as its data set has them"
    )
    other_seed: Seed = Field(description="seed of another corpus of the same settings, which no model is trained on")
    side: Literal["members", "others"] = Field(
        description="`members`: texts of the corpus that the other one lacks; `others`: texts of the other corpus that"
        " this one lacks"
    )
    kind: Literal["request", "reasoning"] = Field("request", description="the kind of rows of the corpus")
    size: Count | None = Field(None, description="number of texts, drawn by the seed of their corpus; none: all")

    @model_validator(mode="after")
    def _has_two_corpora(self) -> "MembershipSettings":
        if self.other_seed == self.corpus.seed:
            raise ValueError("other_seed: is the seed of the corpus itself; give another one")
        return self

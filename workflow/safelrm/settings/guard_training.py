"""Settings of training a guard from scratch."""

from pydantic import Field

from safelrm.settings.common import Count, Strict
from safelrm.settings.factory import Architecture, Optimisation, Probe

_FACTS = Optimisation(phases=[{"steps": 1500, "mixture": {"fact": 1.0}}])
_FACTS_PROBE = Probe(first_step=200, every=50, threshold=0.99)


class GuardTrainingSettings(Strict):
    """A generative guard, trained on facts about words and then on labelled texts.

    Its words' embeddings are learnt from the facts alone, so that it knows a word of which it has never seen a labelled
    text as well as any other. The kinds of rows that the second training may mix are those of plain text in the corpus,
    and `labels`.
    """

    architecture: Architecture = Field(default_factory=Architecture, description="size of the model")
    facts: Optimisation = Field(_FACTS, description="how it learns the words, from plain text")
    facts_probe: Probe = Field(_FACTS_PROBE, description="when it knows them; it is asked about all of them")
    optimisation: Optimisation = Field(description="how it then learns to judge")
    probe: Probe = Field(default_factory=Probe, description="when it is good enough")
    heldout_things: Count = Field(4, description="things that no training text names: the probe asks about them")
    heldout_verbs: Count = Field(2, description="verbs that no training text names: the probe asks about them")

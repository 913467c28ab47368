"""Settings of training a guard from scratch."""

from pydantic import Field

from safelrm.settings.common import Count, Strict
from safelrm.settings.factory import Architecture, Optimisation, Probe


class GuardTrainingSettings(Strict):
    """A generative guard, trained on facts about words and on labelled texts.

    The kinds of rows that the curriculum may mix are those of plain text in the corpus, and `labels`.
    """

    architecture: Architecture = Field(default_factory=Architecture, description="size of the model")
    optimisation: Optimisation = Field(description="how it is trained")
    probe: Probe = Field(default_factory=Probe, description="when it is good enough")
    heldout_things: Count = Field(4, description="things that no training text names: the probe asks about them")
    heldout_verbs: Count = Field(2, description="verbs that no training text names: the probe asks about them")

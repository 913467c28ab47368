"""How jobs run: never what they compute, so no part of it is a parameter of a rule."""

from pydantic import Field

from safelrm.core.preemption import DEFAULT_STEPS
from safelrm.settings.common import Count, Strict


class ExecutionSettings(Strict):
    """How jobs run. A change re-runs nothing."""

    checkpoint_every: Count = Field(
        DEFAULT_STEPS,
        description="optimiser steps between two saves of a training's whole state (weights, optimiser, random"
        " numbers), from which a killed run goes on; the result does not depend on it",
    )

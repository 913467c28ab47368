"""How jobs run: never what they compute, so no part of it is a parameter of a rule."""

from typing import Annotated

from pydantic import Field

from safelrm.core.preemption import DEFAULT_STEPS
from safelrm.settings.common import Count, Strict

# a file, not an address: what an address names may change, and Snakemake takes no blanks
ImagePath = Annotated[str, Field(pattern=r"^[^\s:]+$")]


class ExecutionSettings(Strict):
    """How jobs run. A change re-runs nothing."""

    checkpoint_every: Count = Field(
        DEFAULT_STEPS,
        description="optimiser steps between two saves of a training's whole state (weights, optimiser, random"
        " numbers), from which a killed run goes on; the result does not depend on it",
    )
    container: ImagePath | None = Field(
        None,
        description="Apptainer image file that jobs run in with `--sdm apptainer`; none: the one in"
        " `envs/containers/` that is named as the lock",
    )

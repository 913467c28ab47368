"""Settings of the figure of an ablation: the factor, and the arm of each of its levels."""

from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from safelrm.core.settings import Strict

ArmOfLevel = Annotated[str, Field(pattern=r"^[a-z0-9_+-]+$")]


class Level(Strict):
    """A level of a factor."""

    level: float | str = Field(description="a number, or a name; levels that are all numbers stand on a scale")
    arm: ArmOfLevel = Field(description="the name of the arm, such as sft-star1")


class FactorSettings(Strict):
    """A factor."""

    factor: str = Field(min_length=1, description="what the levels are, the title of the horizontal axis")
    levels: list[Level] = Field(min_length=2, description="the levels, in order")
    logarithmic: bool = Field(False, description="whether the scale is logarithmic")

    @property
    def is_scale(self) -> bool:
        """Whether the levels are numbers."""
        return all(isinstance(level.level, float) for level in self.levels)

    @property
    def labels(self) -> list[str]:
        """What stands at the levels."""
        return [f"{level.level:g}" if isinstance(level.level, float) else level.level for level in self.levels]

    @property
    def step(self) -> float:
        """The least distance of two levels on a scale."""
        places = sorted(float(level.level) for level in self.levels)
        return min(after - before for before, after in pairwise(places))

    @model_validator(mode="after")
    def _fits(self) -> "FactorSettings":
        names = [level.level for level in self.levels]
        if len(set(names)) < len(names):
            raise ValueError(f"levels: each may be given once, found {names}")
        if self.logarithmic and not (self.is_scale and all(float(name) > 0 for name in names)):
            raise ValueError("logarithmic: needs levels that are numbers above 0")
        return self

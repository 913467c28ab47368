"""Settings of the stage `claims`: hypotheses about a study, declared before the seeds that test them are run."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from safelrm.analysis.settings import MetricsJobSettings, ModelModes
from safelrm.core.settings import Name, Positive, Strict
from safelrm.judging.settings import Part

# which way the effect goes: above 0, below 0, within the smallest effect of 0, or away from 0 either way
GREATER, LESS, SAME, DIFFERENT = "greater", "less", "same", "different"
# what the effect is: a difference of two sides, a difference of two such differences, a difference of two spreads
DIFFERENCE, GAINS, SPREAD = "difference", "gains", "spread"
OF_ANALYSES = "analyses."
ClaimMetric = Annotated[str, Field(pattern=r"^(analyses(\.[a-z0-9_]+){2}|[a-z0-9_]+)$")]


class ClaimSide(Strict):
    """One side of a claim: an arm of a model in one decoding mode, over all seeds."""

    arm: str = Field(description="name of the arm, such as rl-grpo or base")
    model: Name | None = Field(None, description="a key of `models`; none: each of the claim's `models`")
    decoding: Name | None = Field(None, description="decoding mode; none: the model's first")
    part: Part | None = Field(None, description="part of the rollouts; none: the claim's")
    benchmarks: list[Name] = Field(default_factory=list, description="of `benchmarks`; none: the claim's")


class ClaimPair(Strict):
    """Two sides; the gain of one over the other."""

    side: ClaimSide = Field(description="the side whose mean counts")
    against: ClaimSide = Field(description="the side whose mean is taken off")


class ClaimSettings(Strict):
    """One claim (docs/claims.md): what is said, who says it, and what effect on which numbers would show it."""

    says: str = Field(min_length=1, description="the claim, in one sentence")
    source: str = Field(min_length=1, description="whose claim it is: the paper, and the place in it")
    kind: Literal["difference", "gains", "spread"] = Field(
        DIFFERENCE,
        description="the effect: `side` less `against`; the same less the difference of `less`; or the standard"
        " deviation of the gains of `side` over the base, less that of `against`",
    )
    metric: ClaimMetric = Field(
        description="safety, over_refusal, accuracy, leak, escape or another metric of the study, a key of"
        " `metrics.more`, or `analyses.<name>.<measure>`"
    )
    benchmarks: list[Name] = Field(
        min_length=1, description="of `benchmarks`; the effect is on the mean over these, each with the same weight"
    )
    part: Part | None = Field(None, description="`t`, `y` or `t+y`; none: t+y, or the only part that the metric has")
    category: str | None = Field(None, description="the prompts of one category; none: all prompts")
    models: list[Name] = Field(
        default_factory=list,
        description="models that sides without `model` stand for, each a test of its own; of a spread, those that it"
        " is over",
    )
    side: ClaimSide = Field(description="the side whose mean counts")
    against: ClaimSide = Field(description="the side whose mean is taken off")
    less: ClaimPair | None = Field(None, description="with `gains`: the two sides whose difference is taken off")
    over: Literal["benchmarks", "models"] | None = Field(
        None, description="with `spread`: what the gains spread over, the other being fixed"
    )
    direction: Literal["greater", "less", "same", "different"] = Field(
        description="the effect is above 0, below 0, within the smallest effect of 0, or away from 0 either way"
    )
    smallest_effect: Positive = Field(description="the smallest effect of interest, in the unit of the metric")

    @property
    def sides(self) -> list[ClaimSide]:
        """All sides, in order."""
        return [self.side, self.against, *((self.less.side, self.less.against) if self.less else ())]

    @model_validator(mode="after")
    def _has_what_its_kind_takes(self) -> "ClaimSettings":
        for key, kind in (("less", GAINS), ("over", SPREAD)):
            if (getattr(self, key) is not None) != (self.kind == kind):
                raise ValueError(f"give `{key}` with the kind `{kind}`, and with no other")
        if len(set(self.models)) < len(self.models) or len(set(self.benchmarks)) < len(self.benchmarks):
            raise ValueError("name each of `models` and `benchmarks` once")
        if self.kind == SPREAD:
            if any(side.model or side.decoding or side.part or side.benchmarks for side in self.sides):
                raise ValueError("the sides of a spread are arms: give them `arm` alone")
            if len(getattr(self, self.over)) < 2 or not self.models:
                raise ValueError(f"name `models`, and of `{self.over}`, which the gains spread over, two or more")
        elif all(side.model for side in self.sides) == bool(self.models):
            raise ValueError("give each side its `model`; or name `models`, for which sides without `model` stand")
        return self


class DeclaredClaim(Strict):
    """A claim, with what the study knows of it."""

    name: Name = Field(description="its key in `claims`")
    claim: ClaimSettings = Field(description="the claim")
    built_in: list[str] = Field(description="its arms that rules have made what they are; any: it is built in")


class ClaimsJobSettings(MetricsJobSettings):
    """The settings of the command `claims`."""

    study: Name = Field(description="name of the study")
    models: list[ModelModes] = Field(description="the models with their decoding modes, in order")
    origins: dict[Name, str] = Field(description="where each model is from")
    claims: list[DeclaredClaim] = Field(description="the claims, in order")

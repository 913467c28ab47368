"""Settings of what scores completions: terms of a reward, and probes of a policy while it is trained."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from safelrm.core.settings import Count, Dtype, ModulePath, ModuleSettings, Name, NonNegative, Positive, Strict
from safelrm.data.settings import Kind

# names in the curve of probes that no term may have, after its prefix
SCORE, TOKENS, SCORED = "score", "tokens", "scored_"
TAKEN = (SCORE, TOKENS)


class RewardTerm(Strict):
    """One term of the reward. The reward is the weighted sum of its terms."""

    module: ModulePath = Field(description="module with the reward function, such as safelrm.training.rewards.safety")
    name: Annotated[str, Field(pattern=r"^\w+$")] = Field(
        default_factory=lambda given: given.get("module", "").rpartition(".")[2],
        description="the term in curves and messages; own: the last part of its module. Two terms of one module need"
        " two names",
    )
    weight: Positive = Field(description="weight of the term in the sum")
    kinds: Annotated[list[Kind], Field(min_length=1)] | None = Field(
        None, description="kinds of prompts that the term scores; none: all that its module scores"
    )
    guards: list[Name] = Field(
        default_factory=list, description="the guards that the term reads, keys of `guards`, if it reads any"
    )
    settings: ModuleSettings = Field(default_factory=dict, description="settings of that module")


class ProbedPrompts(Strict):
    """A data set of prompts that probes ask, or a part of it."""

    dataset: Name = Field(description="prompts, a key of `datasets`")
    size: Count | None = Field(
        None, description="number of its rows, the same ones for all models, arms and seeds; none: all"
    )


class ProbingSettings(Strict):
    """Probes: at some steps of a training the policy answers a few prompts, and terms of a reward score the answers.

    There is a probe before the first step, and after the last one.
    """

    prompts: list[ProbedPrompts] = Field(
        min_length=1, description="what the policy is asked; prompts of `tune`, never those of a benchmark of results"
    )
    rewards: list[RewardTerm] = Field(
        min_length=1, description="the terms that score the answers; the score of a probe is their weighted sum"
    )
    times: Count = Field(description="number of probes after the one before the first step, at equal distances")
    max_completion_tokens: Count = Field(description="token limit of an answer")
    temperature: NonNegative = Field(0.0, description="sampling temperature; 0 is greedy")
    batch_size: Count = Field(128, description="answers that are generated at a time")
    guard_dtype: Dtype = Field("float32", description="arithmetic of guards that the probes read, and no reward")
    keep: Literal["last", "best"] = Field(
        "last",
        description="weights that become the checkpoint: those of the last step, or of the probe with the highest score"
        " (of equal ones the earliest, and never the one before the first step)",
    )
    patience: Count | None = Field(
        None, description="end the training after so many probes in a row without a new highest score; none: never"
    )

    @property
    def guards(self) -> list[str]:
        """The guards that the terms read, each once."""
        return list(dict.fromkeys(guard for term in self.rewards for guard in term.guards))

    @property
    def chooses(self) -> bool:
        """Whether the scores decide which weights become the checkpoint."""
        return self.keep == "best" or self.patience is not None

    @model_validator(mode="after")
    def _check(self) -> "ProbingSettings":
        for key, names in {
            "rewards: each term": [term.name for term in self.rewards],
            "prompts: each data set": [asked.dataset for asked in self.prompts],
        }.items():
            if len(set(names)) < len(names):
                raise ValueError(f"{key} may be named once, found {names}")
        if taken := [term.name for term in self.rewards if term.name in TAKEN or term.name.startswith(SCORED)]:
            raise ValueError(f"rewards: the curve has `{taken[0]}` of all terms, give this one another name")
        return self

"""Settings of selections: which of a teacher's responses become SFT data."""

from typing import Literal, Self

from pydantic import Field, model_validator

from safelrm.core.settings import Count, ModulePath, ModuleSettings, Name, Positive, Seed, Strict
from safelrm.data.settings import Kind
from safelrm.judging.fields import JudgeField, JudgeRef

Part = Literal["t", "y", "t+y"]


class FilterEntry(Strict):
    """A filter: a module that rejects samples, each with a reason."""

    module: ModulePath = Field(description="such as safelrm.training.filters.judged (docs/data.md)")
    kinds: list[Kind] = Field(
        ["harmful", "benign", "reasoning"], min_length=1, description="kinds of prompts whose samples it is given"
    )
    settings: ModuleSettings = Field(default_factory=dict, description="settings of that module")


class BestBy(Strict):
    """What says which samples of a prompt are the best: a judge's score, or its verdict where it gives no scores."""

    judge: JudgeRef = Field(description="a judge of `judges`, as `judge` or `judge.field`; it says what is better")
    part: Part = Field("y", description="the part that it has judged: `t`, `y` or `t+y`")


class SelectionSettings(Strict):
    """SFT data that are selected from a distillation. A recipe of `sft` names them as its `dataset`."""

    distillation: Name = Field(description="the samples, a key of `distillations`")
    filters: list[FilterEntry] = Field(
        default_factory=list, description="filters, in order; each is given what those before it have kept"
    )
    best: dict[Kind, BestBy] = Field(
        default_factory=dict,
        description="by kind of prompts, the judge that says which samples are the best; a sample without its verdict"
        " is rejected; a kind that is not here: the first ones",
    )
    per_prompt: Count = Field(1, description="most samples that are kept of a prompt")
    size: Count | None = Field(
        None, description="rows in all, by `shares` if given; none: as many as the shares allow, or all"
    )
    shares: dict[Kind, Positive] = Field(
        default_factory=dict,
        description="relative numbers of rows by kind of prompts; other kinds are left out; none: as they come",
    )
    traces: Literal["kept", "shuffled", "emptied"] = Field(
        "kept",
        description="`shuffled` gives each response the trace of another prompt of its kind, `emptied` none: controls"
        " with the same prompts and answers",
    )
    seed: Seed = Field(0, description="seed of the draws of `size`, `shares` and shuffled traces")

    @property
    def judges(self) -> list[str]:
        """The judges, or fields of judges, that say which samples are the best."""
        return list(dict.fromkeys(best.judge for best in self.best.values()))


class SelectJobSettings(SelectionSettings):
    """Settings of one job: those of a selection, and the fields of the judges that it reads."""

    fields: dict[JudgeRef, JudgeField] = Field(
        default_factory=dict, description="the field of each judge that filters or `best` name"
    )

    @model_validator(mode="after")
    def _knows_its_fields(self) -> Self:
        if unknown := sorted(set(self.judges) - set(self.fields)):
            raise ValueError(f"fields: those of {unknown} are missing")
        return self

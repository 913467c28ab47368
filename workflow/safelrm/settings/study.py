"""The whole configuration: what `config.yaml` and the files in `experiments/` may say."""

from typing import Literal, Self

from pydantic import Field, model_validator

from safelrm.settings.audit import AuditSettings
from safelrm.settings.calibration import CalibrationSettings
from safelrm.settings.common import ModulePath, Name, Seed, Strict
from safelrm.settings.execution import ExecutionSettings
from safelrm.settings.guard import GuardSettings
from safelrm.settings.guard_training import GuardTrainingSettings
from safelrm.settings.hub import HubModel
from safelrm.settings.metrics import MetricsSettings
from safelrm.settings.rl import RlSettings
from safelrm.settings.rollouts import ONE_MODE, DecodingMode, RolloutSettings
from safelrm.settings.sft import SftSettings

# settings of a module that a registry selects; checked against that module's own `Settings`
ModuleSettings = dict[str, object]

HUB_FACTORY, GUARD_FACTORY = "safelrm.factory.hub", "safelrm.factory.guard"


class DatasetEntry(Strict):
    """One data set: prompts, conversations, a corpus or labelled texts."""

    source: ModulePath = Field(description="module that loads it, such as safelrm.sources.star1")
    settings: ModuleSettings = Field(default_factory=dict, description="settings of that module")


class ModelEntry(Strict):
    """One base model: taken from a hub (`hub`), or trained from scratch (`factory` and `corpus`)."""

    hub: HubModel | None = Field(None, description="the model on the hub that it is taken from")
    factory: ModulePath | None = Field(None, description="module that trains it, such as safelrm.factory.scratch")
    corpus: Name | None = Field(None, description="what the factory trains on, a key of `datasets`")
    seed: Seed = Field(0, description="seed of a training from scratch")
    settings: ModuleSettings = Field(
        default_factory=dict, description="settings of the factory; of a model from a hub those of safelrm.factory.hub"
    )
    decodings: dict[Name, DecodingMode] = Field(
        ONE_MODE, min_length=1, description="decoding modes by name, all of them evaluated; tables show the first"
    )

    @property
    def maker(self) -> str:
        """Module of the factory."""
        return self.factory or HUB_FACTORY

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        _check_origin(self, "factory", "corpus")
        return self


class GuardEntry(Strict):
    """One guard: taken from a hub (`hub`), or trained (`corpus`, `labels`, `training`); how it is asked and read."""

    hub: HubModel | None = Field(None, description="the guard on the hub that it is taken from")
    corpus: Name | None = Field(None, description="general text that it learns the language from, a key of `datasets`")
    labels: Name | None = Field(None, description="texts labelled safe and unsafe, a key of `datasets`")
    seed: Seed = Field(0, description="seed of its training")
    training: GuardTrainingSettings | None = Field(None, description="how it is trained")
    reading: GuardSettings = Field(description="how it is asked and read")

    @property
    def maker(self) -> str:
        """Module of the factory."""
        return HUB_FACTORY if self.hub else GUARD_FACTORY

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        _check_origin(self, "corpus", "labels", "training")
        return self


def _check_origin(entry: ModelEntry | GuardEntry, *keys: str) -> None:
    """A model is taken from a hub or made here: never both, never neither."""
    names = ", ".join(f"`{key}`" for key in keys)
    given = [key for key in keys if getattr(entry, key) is not None]
    if entry.hub and given:
        raise ValueError(f"a model from a hub is not trained: leave out `{given[0]}`, or `hub`")
    if not entry.hub and len(given) < len(keys):
        raise ValueError(f"give either `hub`, to take it from a hub, or {names}, to train it; found {given or 'none'}")


class JudgeEntry(Strict):
    """One judge."""

    module: ModulePath = Field(description="module that judges, such as safelrm.judges.refusal")
    guard: Name | None = Field(None, description="the guard it asks, a key of `guards`")
    settings: ModuleSettings = Field(default_factory=dict, description="settings of that module")


class Arm(Strict):
    """One line of the comparison: a model, a method, its recipe and the seeds it is repeated with."""

    model: Name = Field(description="a key of `models`")
    method: Literal["base", "sft", "rl"] = Field(description="how the model is made safe")
    recipe: Name | None = Field(None, description="a key of `sft` or `rl`; none for `base`")
    seeds: list[Seed] = Field(
        default=[0],
        min_length=1,
        description="seeds of the training and of its rollouts; a base is trained once, with its model's seed",
    )

    @property
    def name(self) -> str:
        """The arm's name in paths and tables."""
        return self.method if self.recipe is None else f"{self.method}-{self.recipe}"


class ValidationEntry(Strict):
    """A check of a judge against human labels."""

    judge: ModulePath = Field(description="module of the judge")
    settings: ModuleSettings = Field(default_factory=dict, description="settings of that module")
    labelled: list[Name] = Field(min_length=1, description="labelled completions, keys of `datasets`")


class Study(Strict):
    """A study. Every key is optional that another kind of study does without."""

    name: Name = Field(description="name of the study, the folder of its results")
    lock: str = Field("envs/cpu-vllm.txt", description="lock file of the environment that runs the study")
    execution: ExecutionSettings = Field(
        default_factory=ExecutionSettings, description="how jobs run; a change re-runs nothing"
    )
    datasets: dict[Name, DatasetEntry] = Field(default_factory=dict, description="every data set by name")
    benchmarks: list[Name] = Field(default_factory=list, description="prompts that every arm answers, of `datasets`")
    models: dict[Name, ModelEntry] = Field(default_factory=dict, description="base models by name")
    guards: dict[Name, GuardEntry] = Field(default_factory=dict, description="guards by name")
    sft: dict[Name, SftSettings] = Field(default_factory=dict, description="SFT recipes by name")
    rl: dict[Name, RlSettings] = Field(default_factory=dict, description="RL recipes by name")
    arms: list[Arm] = Field(default_factory=list, description="what is compared")
    rollouts: RolloutSettings | None = Field(None, description="decoding of the evaluation rollouts")
    judges: dict[Name, JudgeEntry] = Field(default_factory=dict, description="judges by name")
    metrics: MetricsSettings | None = Field(None, description="which judge a number is taken from, and intervals")
    calibration: CalibrationSettings | None = Field(None, description="safety judges against a reference judge")
    audit: AuditSettings | None = Field(None, description="overlap and length checks of data sets")
    validation: dict[Name, ValidationEntry] = Field(default_factory=dict, description="judges against human labels")

"""How jobs run: never what they compute, so no part of it is a parameter of a rule.

The whole configuration: what `config.yaml` and the files in `experiments/` may say.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from safelrm.analysis.settings import CalibrationSettings, MetricsSettings
from safelrm.core.process import DEFAULT_STEPS
from safelrm.core.settings import Count, ModulePath, Name, Positive, Seed, Share, Strict
from safelrm.data.settings import AuditSettings
from safelrm.generation.settings import ONE_MODE, DecodingMode, RolloutSettings
from safelrm.inference.settings import GuardSettings
from safelrm.models.settings import HubModel
from safelrm.training.settings import RlSettings, SftSettings

GpuName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")]
Utilised = Annotated[Share, Field(gt=0.0)]


class Gpu(Strict):
    """One kind of GPU, as its data sheet says."""

    name: GpuName = Field(description="its name, such as h100; estimates and messages name it")
    memory_gib: Positive = Field(description="memory, in GiB")
    tflops: Positive = Field(description="dense bfloat16 matrix products, in TFLOP/s")
    bandwidth: Positive = Field(description="memory bandwidth, in GB/s")


class Utilisation(Strict):
    """Shares of what the data sheet says that jobs are taken to reach."""

    training: Utilised = Field(0.35, description="of the TFLOP/s, in training")
    forward: Utilised = Field(0.4, description="of the TFLOP/s, in reading prompts and texts")
    bandwidth: Utilised = Field(0.6, description="of the bandwidth, in generating tokens")


# a file, not an address: what an address names may change, and Snakemake takes no blanks
ImagePath = Annotated[str, Field(pattern=r"^[^\s:]+$")]


class ExecutionSettings(Strict):
    """How jobs run. A change re-runs nothing."""

    checkpoint_every: Count = Field(
        DEFAULT_STEPS,
        description="optimiser steps between two saves of a training's whole state (weights, optimiser, random"
        " numbers), from which a killed run goes on; the result does not depend on it",
    )
    gpu: Gpu | None = Field(None, description="the GPUs that jobs run on; none: all jobs run on CPUs")
    gpus_per_node: Count = Field(8, description="GPUs of one node")
    nodes: Count = Field(1, description="nodes that one job may span")
    cpus_per_gpu: Count = Field(4, description="cores that a SLURM job asks for with each GPU")
    utilisation: Utilisation = Field(
        default_factory=Utilisation, description="how well GPUs are used; only estimates depend on it"
    )
    runtime_margin: Positive = Field(
        3.0, description="time limit of a job's first attempt, as a multiple of its estimated time"
    )
    longest_runtime: Count | None = Field(
        None, description="most minutes that a job asks for, however often it was tried: the limit of the partition"
    )
    node_memory_gib: Positive | None = Field(
        None, description="most memory that a job asks for on a node, however often it was tried: what the nodes have"
    )
    container: ImagePath | None = Field(
        None,
        description="Apptainer image file that jobs run in with `--sdm apptainer`; none: the one in"
        " `envs/containers/` that is named as the lock",
    )


# settings of a module that a registry selects; checked against that module's own `Settings`
ModuleSettings = dict[str, object]

HUB_FACTORY = "safelrm.models.hub"


class ExpectedTexts(Strict):
    """Size of a data set before it is there. Only estimates of time and memory depend on it."""

    rows: Positive | None = Field(None, description="rows; none: the `size` of the source's settings, or 1000")
    prompt_tokens: Positive | None = Field(None, description="mean tokens of a prompt; none: a guess")
    response_tokens: Positive | None = Field(
        None, description="mean tokens of a response; for prompts, of what a model responds; none: half of the limit"
    )


class DatasetEntry(Strict):
    """One data set: prompts, conversations, a corpus or labelled texts."""

    source: ModulePath = Field(description="module that loads it, such as safelrm.data.sources.star1")
    settings: ModuleSettings = Field(default_factory=dict, description="settings of that module")
    expected: ExpectedTexts = Field(
        default_factory=ExpectedTexts, description="its size, for estimates of what jobs need"
    )


class MadeModel(Strict):
    """A model that is taken from a hub (`hub`), or trained from scratch (`factory` and `inputs`)."""

    hub: HubModel | None = Field(None, description="the model on the hub that it is taken from")
    factory: ModulePath | None = Field(None, description="module that trains it, such as safelrm.nano.pretraining.base")
    inputs: dict[Name, Name] = Field(
        default_factory=dict, description="what the factory trains on: its names for data sets, and keys of `datasets`"
    )
    seed: Seed = Field(0, description="seed of a training from scratch")
    settings: ModuleSettings = Field(
        default_factory=dict, description="settings of the factory; for a model from a hub those of safelrm.models.hub"
    )

    @property
    def maker(self) -> str:
        """Module of the factory."""
        return self.factory or HUB_FACTORY

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if self.hub and (self.factory or self.inputs):
            surplus = "factory" if self.factory else "inputs"
            raise ValueError(f"a model from a hub is not trained: leave out `{surplus}`, or `hub`")
        if not self.hub and not self.factory:
            raise ValueError("give either `hub`, to take it from a hub, or `factory`, to train it")
        return self


class ModelEntry(MadeModel):
    """One base model."""

    decodings: dict[Name, DecodingMode] = Field(
        ONE_MODE, min_length=1, description="decoding modes by name, all of them evaluated; tables show the first"
    )


class GuardEntry(MadeModel):
    """One guard."""

    reading: GuardSettings = Field(description="how it is asked and read")


class JudgeEntry(Strict):
    """One judge."""

    module: ModulePath = Field(description="module that judges, such as safelrm.judging.refusal")
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

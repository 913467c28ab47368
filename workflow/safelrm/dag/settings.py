"""The whole configuration: what `config.yaml` and the files in `experiments/` may say."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from safelrm.analysis.claims_settings import ClaimSettings
from safelrm.analysis.entropy_settings import EntropySettings
from safelrm.analysis.memorisation_settings import MemorisationSettings
from safelrm.analysis.settings import (
    AnalysisEntry,
    CalibrationSettings,
    MetricsSettings,
    MonitorSettings,
    Use,
    ValidationSettings,
)
from safelrm.analysis.trajectory_settings import TrajectorySettings
from safelrm.core.arms import FROM, with_intervention
from safelrm.core.settings import Name, Seed, Strict
from safelrm.dag.entries import (
    BenchmarkEntry,
    DatasetEntry,
    GuardEntry,
    ModelEntry,
    named_benchmark,
)
from safelrm.dag.execution import ExecutionSettings
from safelrm.dag.judge_entries import ClassifierEntry, JudgeEntry
from safelrm.data.curation_settings import CurationSettings
from safelrm.data.settings import AuditSettings
from safelrm.generation.distill_settings import TeachingSettings
from safelrm.generation.settings import RolloutSettings, SelectedModule
from safelrm.models.settings import HubModel
from safelrm.reporting.page.settings import ReportSettings
from safelrm.reporting.settings import FIGURES, TABLES, Figures, Tables
from safelrm.training.candidate_settings import CandidateSettings, DpoSettings
from safelrm.training.selection_settings import SelectionSettings
from safelrm.training.settings import RlSettings, SftSettings, TrainingSettings

# a folder; it becomes a part of PYTHONPATH
Folder = Annotated[str, Field(pattern=r"^[^:]+$")]
ArmName = Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]


def _without_nulls(given: object) -> object:
    """A section without its entries that are null: a later file leaves out what an earlier one has."""
    return {name: entry for name, entry in given.items() if entry is not None} if isinstance(given, dict) else given


class Arm(Strict):
    """One line of the comparison: a model, a method, its recipe and the seeds it is repeated with."""

    model: Name = Field(description="a key of `models`")
    method: Literal["base", "sft", "dpo", "rl"] = Field(
        description="what makes the model safe: nothing (`base`), SFT, DPO or RL"
    )
    recipe: Name | None = Field(None, description="a key of `sft`, `dpo` or `rl`; none for `base`")
    start: ArmName | None = Field(
        None,
        alias="from",
        description="the arm of this model whose checkpoint of the same seed is trained further, such as sft-star1;"
        " none: the base",
    )
    seeds: list[Seed] = Field(
        default=[0],
        min_length=1,
        description="seeds of trainings and rollouts; a base is made once, with its model's own seed",
    )
    intervention: Name | None = Field(
        None,
        alias="with",
        description="how the model is asked or edited at inference, a key of `interventions`; the checkpoint is that of"
        " the arm without it, which need not be listed",
    )

    @property
    def name(self) -> str:
        """The arm's name in paths and tables."""
        name = self.method if self.recipe is None else f"{self.method}-{self.recipe}"
        return with_intervention(name if self.start is None else f"{name}{FROM}{self.start}", self.intervention)


class Study(Strict):
    """A study. A key that some studies do without is optional."""

    name: Name = Field(description="name of the study, the folder of its results")
    plugins: list[Folder] = Field(
        default_factory=list,
        description="folders of your own modules, which the sections below may name; relative to the folder in which"
        " Snakemake runs",
    )
    lock: str = Field("envs/cpu-vllm.txt", description="lock file of the environment that runs the study")
    execution: ExecutionSettings = Field(
        default_factory=ExecutionSettings, description="how jobs run; a change re-runs nothing"
    )
    datasets: dict[Name, DatasetEntry] = Field(default_factory=dict, description="every data set by name")
    instruction_set: Literal["avx2", "native"] = Field(
        "avx2",
        description="instructions that jobs on CPUs use: `avx2`, so that processors choose the same kernels where they"
        " can, or all that the processor has (`native`), which is faster for real models",
    )
    benchmarks: list[Annotated[BenchmarkEntry, BeforeValidator(named_benchmark, Name | BenchmarkEntry)]] = Field(
        default_factory=list,
        description="prompts that every arm answers: a key of `datasets`, or a mapping that also says how it is asked",
    )
    models: dict[Name, ModelEntry] = Field(default_factory=dict, description="base models by name")
    guards: dict[Name, GuardEntry] = Field(default_factory=dict, description="guards by name")
    distillations: dict[Name, TeachingSettings] = Field(
        default_factory=dict, description="responses of teachers by name, which `selections` name (docs/data.md)"
    )
    selections: dict[Name, SelectionSettings] = Field(
        default_factory=dict, description="SFT data that are selected from distillations, by name (docs/data.md)"
    )
    sft: dict[Name, SftSettings] = Field(default_factory=dict, description="SFT recipes by name")
    candidates: dict[Name, CandidateSettings] = Field(
        default_factory=dict, description="completions with rewards by name, which recipes of `sft` and `dpo` name"
    )
    dpo: dict[Name, DpoSettings] = Field(default_factory=dict, description="DPO recipes by name")
    rl: dict[Name, RlSettings] = Field(default_factory=dict, description="RL recipes by name")
    interventions: dict[Name, SelectedModule] = Field(
        default_factory=dict, description="interventions at inference by name, which an arm names with `with`"
    )
    arms: list[Arm] = Field(default_factory=list, description="what is compared")
    rollouts: RolloutSettings | None = Field(None, description="how answers to the benchmarks are sampled")
    classifiers: dict[Name, ClassifierEntry] = Field(
        default_factory=dict, description="classifiers of refusals by name, which judges ask (docs/refusals.md)"
    )
    judges: Annotated[dict[Name, JudgeEntry], BeforeValidator(_without_nulls, dict[Name, JudgeEntry | None])] = Field(
        default_factory=dict, description="judges by name; `null` leaves out one of an earlier file"
    )
    metrics: MetricsSettings | None = Field(None, description="which judges make the numbers, and their intervals")
    claims: Annotated[dict[Name, ClaimSettings], BeforeValidator(_without_nulls, dict[Name, ClaimSettings | None])] = (
        Field(
            default_factory=dict,
            description="claims of the literature by name, which the study tests (docs/claims.md); `null` leaves out"
            " one of an earlier file",
        )
    )
    monitor: MonitorSettings | None = Field(None, description="judges of what policies answer to probes; none: none")
    calibration: CalibrationSettings | None = Field(None, description="safety judges against a reference judge")
    analyses: Annotated[
        dict[Name, AnalysisEntry], BeforeValidator(_without_nulls, dict[Name, AnalysisEntry | None])
    ] = Field(
        default_factory=dict,
        description="trace analyses by name: numbers about every rollout, for the table `measures`; `null` leaves out"
        " one of an earlier file",
    )
    tables: Tables = Field(
        {},
        validate_default=True,
        description=f"tables beside those of this package ({', '.join(TABLES)}); `null` leaves one of these out",
    )
    figures: Figures = Field(
        {},
        validate_default=True,
        description=f"figures beside those of this package ({', '.join(FIGURES)}); `null` leaves one of these out",
    )
    audit: AuditSettings | None = Field(None, description="overlap and length checks of data sets")
    memorisation: MemorisationSettings | None = Field(
        None, description="Min-K% probability of data sets under bases; none: it is not measured"
    )
    trajectories: TrajectorySettings | None = Field(
        None, description="what a guard says of traces, sentence by sentence (docs/traces.md); none: it is not asked"
    )
    entropies: EntropySettings | None = Field(
        None, description="entropies of policies at the tokens of their own samples; none: they are not taken"
    )
    curation: CurationSettings | None = Field(
        None, description="data sets that are compared with each other (docs/data.md)"
    )
    validation: Annotated[
        dict[Name, ValidationSettings], BeforeValidator(_without_nulls, dict[Name, ValidationSettings | None])
    ] = Field(
        default_factory=dict,
        description="judges against human labels, or against another judge; `null` leaves out one of an earlier file",
    )

    report: ReportSettings = Field(default_factory=ReportSettings, description="what the report says and holds")

    def runs(self) -> Iterator[tuple[str, str, int]]:
        """Model, arm and seed of every run."""
        for arm in self.arms:
            for seed in arm.seeds:
                yield arm.model, arm.name, seed

    def loaded(self, dataset: str) -> DatasetEntry:
        """The data set whose rows a data set has: itself, unless it is made from another."""
        entry = self.datasets[dataset]
        while entry.origins:
            entry = self.datasets[entry.origins[0]]
        return entry

    def kind_of(self, dataset: str) -> object:
        """What the settings of a data set say of the kind of its prompts."""
        return self.loaded(dataset).settings.get("kind")

    def recipe(self, arm: Arm) -> TrainingSettings | None:
        """What an arm is trained by; None for a base."""
        return None if arm.method == "base" else getattr(self, arm.method)[arm.recipe]

    def compared_models(self) -> list[str]:
        """Every model that has an arm."""
        return list(dict.fromkeys(arm.model for arm in self.arms))

    @property
    def use(self) -> Use:
        """What the numbers are for; all benchmarks have one use."""
        return self.benchmarks[0].use if self.benchmarks else "report"

    def hub_models(self) -> Iterator[tuple[str, HubModel]]:
        """Every model, guard and encoder of a hub, with its key."""
        for section, entries in (("models", self.models), ("guards", self.guards)):
            for name, entry in entries.items():
                if entry.hub:
                    yield f"{section}.{name}.hub", entry.hub
        for name, classifier in self.classifiers.items():
            if classifier.encoder.hub:
                yield f"classifiers.{name}.encoder.hub", classifier.encoder.hub

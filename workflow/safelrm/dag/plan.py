"""The plan of a study: what the rules ask of it, one part for each family of stages."""

from pathlib import Path

from safelrm.dag.paths import guard_manifest, result_file, run_manifest
from safelrm.dag.roots import ROOT
from safelrm.dag.settings import Study
from safelrm.dag.stages.claims import ClaimStages
from safelrm.dag.stages.classifiers import ClassifierStages
from safelrm.dag.stages.common import Stages
from safelrm.dag.stages.curation import CurationStages
from safelrm.dag.stages.data import DataStages
from safelrm.dag.stages.distilling import DistillingStages
from safelrm.dag.stages.entropies import EntropyStages
from safelrm.dag.stages.generation import GenerationStages
from safelrm.dag.stages.judging import JudgingStages, verdict_files
from safelrm.dag.stages.memorisation import MemorisationStages
from safelrm.dag.stages.models import FetchingStages, MakingStages
from safelrm.dag.stages.reports import AnalysisStages, figure_stages, table_stages
from safelrm.dag.stages.results import ResultStages
from safelrm.dag.stages.training import TrainingStages
from safelrm.dag.stages.trajectories import TrajectoryStages
from safelrm.dag.used import used_models


class Plan:
    """A study with the inputs and parameters of all its jobs.

    Args:
        study: the study.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.fetching = FetchingStages(study)
        self.data = DataStages(study)
        self.curation = CurationStages(study)
        self.bases = MakingStages(study, "base", "model", study.models)
        self.guards = MakingStages(study, "guard", "guard", study.guards)
        self.distilling = DistillingStages(study)
        self.training = TrainingStages(study)
        self.generation = GenerationStages(study)
        self.classifiers = ClassifierStages(study)
        self.judging = JudgingStages(study)
        self.results = ResultStages(study)
        self.claims = ClaimStages(study)
        self.analyses = AnalysisStages(study)
        self.memorisation = MemorisationStages(study)
        self.trajectories = TrajectoryStages(study)
        self.entropies = EntropyStages(study)
        self.tables = table_stages(study)
        self.figures = figure_stages(study)

    @property
    def lock(self) -> Path:
        """The lock file of the study's environment."""
        return ROOT.parent / self.study.lock

    def code(self, stage: str) -> str:
        """Code hash of a stage of which the configuration selects no modules."""
        return Stages(self.study).code(stage)

    def targets(self) -> list[str]:
        """Every result of the study: what `snakemake` makes when nothing else is asked for."""
        tables = [*self.results.targets(), *self.tables.targets()]
        return [
            *tables,
            *(path.removesuffix("md") + "tex" for path in tables),
            *self.analyses.targets(),
            *self.figures.targets(),
            *self.claims.targets(),
            *self.data.targets(),
            *self.curation.targets(),
            *self.classifiers.targets(),
            *self.judging.targets(),
            *self.memorisation.targets(),
            *self.trajectories.tables(),
            *self.entropies.tables(),
        ]

    def report_file(self) -> str:
        """The report of the study."""
        return result_file(self.study.name, "report.html")

    def card_tables(self) -> list[str]:
        """The tables that cards of data sets quote beside those of curation."""
        return self.curation.card_tables([path for path in self.data.targets() if path.endswith("/rows.csv")])

    def captions(self) -> dict[str, dict[str, str]]:
        """The captions of tables and figures, by rule and name, for Snakemake's report."""
        return {stages.rule: stages.captions() for stages in (self.tables, self.figures)}

    def pinned_files(self) -> list[str]:
        """Data sets, manifests of checkpoints, and rollouts that the targets are made from: what DVC pins."""
        made = used_models(self.study)
        bases = [run_manifest(model, "base", 0) for model in self.study.models if model in made]
        runs = dict.fromkeys(run_manifest(*run) for run in self.study.runs())
        trained = [path for path in dict.fromkeys([*runs, *self.distilling.teachers()]) if path not in bases]
        guards = [guard_manifest(name) for name in self.study.guards if name in made]
        checkpoints = [*bases, *trained, *guards, *self.classifiers.manifests()]
        return [*self.data.used(), *self.distilling.files(), *checkpoints, *self.generation.rollout_files()]

    def published_files(self) -> list[str]:
        """What a reader needs: the targets, and all that tables and figures are made from, without texts."""
        numbers = [*verdict_files(self.study, self.study.judges), *self.analyses.tables(), *self.results.numbers()]
        return [*self.targets(), *numbers, *self.memorisation.tables(), *self.entropies.tables()]

    def not_remade(self) -> list[str]:
        """The tables and figures that are made from more than what is published, such as texts."""
        return [*self.tables.not_remade(), *self.figures.not_remade()]

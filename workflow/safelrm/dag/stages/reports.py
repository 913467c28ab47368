"""Figures, tables and trace analyses: modules that a configuration registers."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from safelrm.analysis.settings import AnalysisEntry, FigureSettings, MeasuresJobSettings, TableSettings
from safelrm.core.files import canonical_json
from safelrm.dag.declarations import declared_inputs, declared_measures
from safelrm.dag.paths import result_file, rollouts_file, run_manifest
from safelrm.dag.reports import OF_ANALYSES, analysis_files, caption, input_files, is_published, shown
from safelrm.dag.settings import Study
from safelrm.dag.stages.common import Stages, Wildcards, definitions
from safelrm.reporting.settings import ReportEntry

# no name matches it
NOTHING = "(?!)"


@dataclass(frozen=True)
class ReportStages(Stages):
    """The jobs of `figure` or of `table`.

    Attributes:
        rule: the rule, and the wildcard that names a figure or table.
        entries: the figures or tables by name.
        command: the module of the command.
        uses: what the command uses of a figure's or table's module.
        about: what it is told of the study.
        suffix: of the file that is the target.
    """

    rule: str
    entries: Mapping[str, ReportEntry]
    command: str
    uses: tuple[str, ...]
    about: type[BaseModel]
    suffix: str

    @property
    def pattern(self) -> str:
        """The names that the wildcard may have, as a regular expression."""
        return f"({'|'.join(self.entries)})" if self.entries else NOTHING

    def files(self, wildcards: Wildcards) -> list[str]:
        """The files behind the declared inputs."""
        return [path for files in self._inputs(wildcards).values() for path in files]

    def inputs(self, wildcards: Wildcards) -> list[str]:
        """`name:count` of the declared inputs: how many of the files are of each."""
        return [f"{name}:{len(files)}" for name, files in self._inputs(wildcards).items()]

    def module(self, wildcards: Wildcards) -> str:
        """Module of a figure or table."""
        return self._entry(wildcards).module

    def module_settings(self, wildcards: Wildcards) -> str:
        """Settings of that module."""
        return canonical_json(self._entry(wildcards).settings)

    def settings(self) -> str:
        """What figures or tables are told of the study."""
        return self.told(self.about, use=self.study.use)

    def code_of(self, wildcards: Wildcards) -> str:
        """Code hash of the command, with what it uses of a module: neither its caption nor `shown`."""
        return self.code(self.command, *definitions(self.module(wildcards), self.uses))

    def captions(self) -> dict[str, str]:
        """The captions of the figures or tables that the study has something to show in."""
        return {name: caption(self.study, entry) for name, entry in shown(self.study, self.entries).items()}

    def targets(self) -> list[str]:
        """The figures or tables that the study has something to show in."""
        return [self._target(name) for name in shown(self.study, self.entries)]

    def not_remade(self) -> list[str]:
        """Those of them that are made from more than what is published."""
        names = shown(self.study, self.entries)
        return [self._target(name) for name in names if not is_published(self._inputs({self.rule: name}))]

    def _target(self, name: str) -> str:
        return result_file(self.study.name, f"{self.rule}s/{name}.{self.suffix}")

    def _entry(self, wildcards: Wildcards) -> ReportEntry:
        return self.entries[wildcards[self.rule]]

    def _inputs(self, wildcards: Wildcards) -> dict[str, list[str]]:
        files = input_files(self.study)
        return {name: files[name] for name in declared_inputs(self.module(wildcards), [*files])}


def figure_stages(study: Study) -> ReportStages:
    """The figures of a study."""
    uses = ("draw", "Settings")
    return ReportStages(study, "figure", study.figures, "safelrm.reporting.figures", uses, FigureSettings, "svg")


def table_stages(study: Study) -> ReportStages:
    """The tables of a study."""
    uses = ("rows", "markdown", "TABLE", "Settings")
    return ReportStages(study, "table", study.tables, "safelrm.reporting.tables", uses, TableSettings, "md")


class AnalysisStages(Stages):
    """The jobs of `analyse` and `measures`."""

    def rollouts(self, wildcards: Wildcards) -> list[str]:
        """The rollouts of every run of a model."""
        return [rollouts_file(*run) for run in self._runs(wildcards)]

    def verdicts(self, wildcards: Wildcards) -> list[str]:
        """The verdicts on a model that an analysis asks for."""
        judges, model = self._entry(wildcards).judges, wildcards["model"]
        return [result_file(self.study.name, f"verdicts/{judge}/{model}.parquet") for judge in judges]

    def checkpoints(self, wildcards: Wildcards) -> list[str]:
        """The checkpoints of a model that an analysis asks for."""
        return list(dict.fromkeys(self._named(wildcards).values()))

    def named_checkpoints(self, wildcards: Wildcards) -> list[str]:
        """`arm/seed=path` of these."""
        return [f"{name}={path}" for name, path in self._named(wildcards).items()]

    def decodings(self, wildcards: Wildcards) -> str:
        """The arguments of the chat template by decoding mode of a model, if an analysis asks for them."""
        if not self._asks_for("decodings", wildcards):
            return ""
        modes = self.study.models[wildcards["model"]].decodings
        return canonical_json({name: mode.template for name, mode in modes.items()})

    def module(self, wildcards: Wildcards) -> str:
        """Module of an analysis."""
        return self._entry(wildcards).module

    def settings(self, wildcards: Wildcards) -> str:
        """Settings of that module."""
        return canonical_json(self._entry(wildcards).settings)

    def declared(self, wildcards: Wildcards) -> str:
        """The measures of an analysis, and whether each is optional."""
        measures = declared_measures(self.module(wildcards))
        return canonical_json({name: measure.optional for name, measure in measures.items()})

    def code_of(self, wildcards: Wildcards) -> str:
        """Code hash of `analyse`, with what it uses of an analysis's module."""
        return self.code("safelrm.analysis.analyse", *definitions(self.module(wildcards), ("analyse", "Settings")))

    def tables(self) -> list[str]:
        """What all analyses say of all models."""
        return analysis_files(self.study, [*self.study.analyses])

    def measures_settings(self) -> str:
        """Settings of the means of all measures."""
        measures = {name: declared_measures(entry.module) for name, entry in self.study.analyses.items()}
        return self.told(MeasuresJobSettings, analyses=measures)

    def targets(self) -> list[str]:
        """The means of all measures, if the study has analyses."""
        return [result_file(self.study.name, "measures.parquet")] if self.tables() else []

    def _entry(self, wildcards: Wildcards) -> AnalysisEntry:
        return self.study.analyses[wildcards["analysis"]]

    def _runs(self, wildcards: Wildcards) -> list[tuple[str, str, int]]:
        return [run for run in self.study.runs() if run[0] == wildcards["model"]]

    def _asks_for(self, name: str, wildcards: Wildcards) -> bool:
        return name in declared_inputs(self.module(wildcards), OF_ANALYSES)

    def _named(self, wildcards: Wildcards) -> dict[str, str]:
        if not self._asks_for("checkpoints", wildcards):
            return {}
        runs = [(wildcards["model"], "base", 0), *self._runs(wildcards)]
        return {f"{arm}/{seed}": run_manifest(model, arm, seed) for model, arm, seed in runs}

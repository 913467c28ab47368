"""What teachers answer, and what of it is selected for SFT."""

from safelrm.core.files import canonical_json
from safelrm.dag.fields import field_referred
from safelrm.dag.paths import (
    data_files,
    distilled_file,
    distilled_verdicts,
    named_data_files,
    outcomes_file,
    run_manifest,
    selected_file,
)
from safelrm.dag.selections import JUDGES, asked_judges
from safelrm.dag.stages.common import Stages, Wildcards, definitions, settings_json
from safelrm.dag.taught import taught_arms, used_distillations, used_selections
from safelrm.generation.distill_settings import DistillJobSettings, TeachingSettings
from safelrm.generation.settings import TemplateArguments
from safelrm.judging.fields import judge_of
from safelrm.training.selection_settings import SelectionSettings, SelectJobSettings

# what a selection uses of a filter's module
OF_FILTERS = ("reasons", "Settings", JUDGES)


class DistillingStages(Stages):
    """The jobs of `distill` and `select`."""

    def teacher(self, wildcards: Wildcards) -> list[str]:
        """The checkpoint that teaches, if the teacher is one."""
        teacher = self._distillation(wildcards).teacher.checkpoint
        return [run_manifest(teacher.model, teacher.arm, teacher.seed)] if teacher else []

    def prompts(self, wildcards: Wildcards) -> list[str]:
        """The prompt sets of a distillation."""
        return data_files(self._distillation(wildcards).prompts)

    def named_prompts(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of these prompt sets."""
        return named_data_files(self._distillation(wildcards).prompts)

    def distill_settings(self, wildcards: Wildcards) -> str:
        """Settings of a distillation, with what the decoding mode of its checkpoint gives the chat template."""
        entry = self._distillation(wildcards)
        template: TemplateArguments = {}
        if teacher := entry.teacher.checkpoint:
            modes = self.study.models[teacher.model].decodings
            template = modes[teacher.decoding or next(iter(modes))].template
        return settings_json(DistillJobSettings(**dict(entry), template=template))

    def distill_code(self, wildcards: Wildcards) -> str:
        """Code hash of `distill` with what asks the teacher."""
        teacher = self._distillation(wildcards).teacher
        return self.code("safelrm.generation.distill", teacher.asked_by, *([teacher.module] if teacher.module else []))

    def distilled(self, wildcards: Wildcards) -> str:
        """The samples of a selection."""
        return distilled_file(self._selection(wildcards).distillation)

    def verdicts(self, wildcards: Wildcards) -> list[str]:
        """The verdicts that a selection reads."""
        return [*self._verdicts(wildcards).values()]

    def named_verdicts(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of these verdicts."""
        return [f"{name}={path}" for name, path in self._verdicts(wildcards).items()]

    def select_settings(self, wildcards: Wildcards) -> str:
        """Settings of a selection, with the fields that it reads."""
        entry = self._selection(wildcards)
        fields = {
            best.judge: field_referred(self.study, best.judge, best.part, (kind,), file="--settings", key="selections")
            for kind, best in entry.best.items()
        }
        return canonical_json(SelectJobSettings(**dict(entry), fields=fields).model_dump(mode="json"))

    def select_code(self, wildcards: Wildcards) -> str:
        """Code hash of `select` with the modules of its filters."""
        modules = dict.fromkeys(entry.module for entry in self._selection(wildcards).filters)
        uses = [name for module in modules for name in definitions(module, OF_FILTERS)]
        return self.code("safelrm.training.select", *uses)

    def files(self) -> list[str]:
        """The distillations and selections that a job of the study reads."""
        distilled = map(distilled_file, used_distillations(self.study))
        return [*distilled, *map(selected_file, used_selections(self.study))]

    def teachers(self) -> list[str]:
        """The manifests of the checkpoints that teach, and of those that they were trained from, beside `arms`."""
        beside = taught_arms(self.study)[len(self.study.arms) :]
        return [run_manifest(arm.model, arm.name, seed) for arm in beside for seed in arm.seeds]

    def outcomes(self) -> list[str]:
        """What became of every sample in each selection that a job of the study reads."""
        return [outcomes_file(name) for name in used_selections(self.study)]

    def _verdicts(self, wildcards: Wildcards) -> dict[str, str]:
        entry = self._selection(wildcards)
        judges = dict.fromkeys(map(judge_of, asked_judges(entry)))
        return {judge: distilled_verdicts(self.study.name, judge, entry.distillation) for judge in judges}

    def _distillation(self, wildcards: Wildcards) -> TeachingSettings:
        return self.study.distillations[wildcards["distillation"]]

    def _selection(self, wildcards: Wildcards) -> SelectionSettings:
        return self.study.selections[wildcards["selection"]]

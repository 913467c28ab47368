"""Verdicts of judges, and checks of judges against human labels."""

from collections.abc import Iterable

from safelrm.core.files import canonical_json
from safelrm.dag.paths import (
    classifier_manifest,
    data_files,
    guard_manifest,
    named_data_files,
    result_file,
    rollouts_file,
    run_manifest,
)
from safelrm.dag.settings import JudgeEntry, Study, ValidationEntry
from safelrm.dag.stages.common import Stages, Wildcards


class JudgingStages(Stages):
    """The jobs of `judge` and `validate`."""

    def rollouts(self, wildcards: Wildcards) -> list[str]:
        """The rollouts of every run of a model."""
        return [rollouts_file(*run) for run in self.study.runs() if run[0] == wildcards["model"]]

    def asked(self, wildcards: Wildcards) -> list[str]:
        """The guard, the chat model or the classifier that a judge asks, if any."""
        judge = self._judge(wildcards)
        if judge.classifier:
            return [classifier_manifest(judge.classifier)]
        name = judge.guard or judge.model
        if name is None:
            return []
        return [guard_manifest(name) if name in self.study.guards else run_manifest(name, "base", 0)]

    def judge_module(self, wildcards: Wildcards) -> str:
        """Module of a judge."""
        return self._judge(wildcards).module

    def judge_settings(self, wildcards: Wildcards) -> str:
        """Settings of a judge. If it asks a guard, they say how the guard is read."""
        return canonical_json(self._judge(wildcards).settings)

    def judge_code(self, wildcards: Wildcards) -> str:
        """Code hash of `judge` with a judge's module."""
        return self.code("safelrm.judging.judge", self.judge_module(wildcards))

    def labelled(self, wildcards: Wildcards) -> list[str]:
        """The labelled completions of a validation."""
        return data_files(self._validation(wildcards).labelled)

    def named_labelled(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of the labelled completions of a validation."""
        return named_data_files(self._validation(wildcards).labelled)

    def validated_judge(self, wildcards: Wildcards) -> str:
        """Module of the judge that a validation checks."""
        return self._validation(wildcards).judge

    def validated_field(self, wildcards: Wildcards) -> str:
        """The field that a validation compares; none where the judge has only one."""
        return self._validation(wildcards).field or ""

    def validated_settings(self, wildcards: Wildcards) -> str:
        """Settings of the judge that a validation checks."""
        return canonical_json(self._validation(wildcards).settings)

    def validation_code(self, wildcards: Wildcards) -> str:
        """Code hash of `validate` with the judge that it checks."""
        return self.code("safelrm.judging.validate", self.validated_judge(wildcards))

    def targets(self) -> list[str]:
        """The table of every validation."""
        return [result_file(self.study.name, f"validation/{name}.csv") for name in self.study.validation]

    def _judge(self, wildcards: Wildcards) -> JudgeEntry:
        return self.study.judges[wildcards["judge"]]

    def _validation(self, wildcards: Wildcards) -> ValidationEntry:
        return self.study.validation[wildcards["validation"]]


def verdict_files(study: Study, judges: Iterable[str]) -> list[str]:
    """The verdicts of judges on every model that a study compares."""
    models = study.compared_models()
    return [result_file(study.name, f"verdicts/{judge}/{model}.parquet") for judge in judges for model in models]

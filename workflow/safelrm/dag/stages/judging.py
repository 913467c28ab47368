"""Verdicts of judges, and checks of judges against human labels."""

from collections.abc import Iterable

from safelrm.analysis.settings import ValidationSettings
from safelrm.core.files import canonical_json
from safelrm.dag.fields import validation_settings
from safelrm.dag.judge_entries import JudgeEntry
from safelrm.dag.paths import (
    classifier_manifest,
    data_file,
    data_files,
    distilled_file,
    guard_manifest,
    named_data_files,
    probes_file,
    result_file,
    rollouts_file,
    run_manifest,
)
from safelrm.dag.settings import Arm, Study
from safelrm.dag.stages.common import Stages, Wildcards, settings_json
from safelrm.judging.fields import judge_of


class JudgingStages(Stages):
    """The jobs of `judge`, `judge_labelled`, `judge_distilled` and `validate`."""

    def rollouts(self, wildcards: Wildcards) -> list[str]:
        """The rollouts of every run of a model."""
        return [rollouts_file(*run) for run in self.study.runs() if run[0] == wildcards["model"]]

    def probed(self, wildcards: Wildcards) -> list[str]:
        """The answers to probes of every run of a model that is probed."""
        return probes_files(self.study, wildcards["model"])

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

    def labelled(self, wildcards: Wildcards) -> str:
        """A set of labelled completions."""
        return data_file(wildcards["labelled"])

    def labelled_code(self, wildcards: Wildcards) -> str:
        """Code hash of `judge_labelled` with a judge's module."""
        return self.code("safelrm.judging.judge_labelled", self.judge_module(wildcards))

    def distilled(self, wildcards: Wildcards) -> str:
        """The responses of a distillation."""
        return distilled_file(wildcards["distillation"])

    def distilled_code(self, wildcards: Wildcards) -> str:
        """Code hash of `judge_distilled` with a judge's module."""
        return self.code("safelrm.judging.judge_distilled", self.judge_module(wildcards))

    def validated(self, wildcards: Wildcards) -> list[str]:
        """The labelled completions of a validation."""
        return data_files(self._validation(wildcards).labelled)

    def named_validated(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of the labelled completions of a validation."""
        return named_data_files(self._validation(wildcards).labelled)

    def validated_verdicts(self, wildcards: Wildcards) -> list[str]:
        """What the judges of a validation say of its labelled completions, or of every model of the study."""
        entry = self._validation(wildcards)
        judges = dict.fromkeys(map(judge_of, entry.compared))
        if entry.reference:
            return verdict_files(self.study, judges)
        places = [f"labelled/{judge}/{name}.parquet" for judge in judges for name in entry.labelled]
        return [result_file(self.study.name, place) for place in places]

    def validation_settings(self, wildcards: Wildcards) -> str:
        """Settings of a validation."""
        return settings_json(validation_settings(self.study, wildcards["validation"], "the configuration"))

    def targets(self) -> list[str]:
        """The tables of every validation, and the verdicts of the monitor."""
        names = [f"{name}{end}" for name in self.study.validation for end in (".csv", ".confusion.csv", ".md")]
        return [*(result_file(self.study.name, f"validation/{name}") for name in names), *monitor_files(self.study)]

    def _judge(self, wildcards: Wildcards) -> JudgeEntry:
        return self.study.judges[wildcards["judge"]]

    def _validation(self, wildcards: Wildcards) -> ValidationSettings:
        return self.study.validation[wildcards["validation"]]


def verdict_files(study: Study, judges: Iterable[str]) -> list[str]:
    """The verdicts of judges on every model that a study compares."""
    models = study.compared_models()
    return [result_file(study.name, f"verdicts/{judge}/{model}.parquet") for judge in judges for model in models]


def probes_files(study: Study, model: str) -> list[str]:
    """What the policies of a model answered to probes; none if no recipe of its arms has probes."""
    arms = [arm for arm in study.arms if arm.model == model and _is_probed(study, arm)]
    return list(dict.fromkeys(probes_file(model, arm.name, seed) for arm in arms for seed in arm.seeds))


def _is_probed(study: Study, arm: Arm) -> bool:
    recipe = study.recipe(arm)
    return recipe is not None and recipe.probe is not None


def monitor_files(study: Study) -> list[str]:
    """The verdicts of the monitor's judges on answers to probes, by judge and model."""
    judges = study.monitor.judges if study.monitor else ()
    models = [model for model in study.compared_models() if probes_files(study, model)]
    return [result_file(study.name, f"probes/{judge}/{model}.parquet") for judge in judges for model in models]

"""Data sets and their audit."""

from collections.abc import Iterator
from typing import Literal

from safelrm.core.files import canonical_json
from safelrm.dag.paths import candidates_file, data_file, data_files, fetched_dataset, result_file
from safelrm.dag.settings import DatasetEntry
from safelrm.dag.stages.common import Stages, Wildcards, settings_json
from safelrm.dag.stages.models import dataset_to_fetch
from safelrm.dag.taught import candidates_of

Side = Literal["train", "tune", "evaluation"]


class DataStages(Stages):
    """The jobs of `curate` and `audit`."""

    def source(self, wildcards: Wildcards) -> str:
        """Module of a data set's source."""
        return self._entry(wildcards).source

    def source_settings(self, wildcards: Wildcards) -> str:
        """Settings of a data set's source without the path, which is an input."""
        settings = self._entry(wildcards).settings
        return canonical_json({key: value for key, value in settings.items() if key != "path"})

    def source_file(self, wildcards: Wildcards) -> list[str]:
        """The file that a data set is read from, if any: the user's, or the one fetched from a hub."""
        entry = self._entry(wildcards)
        if entry.path is not None:
            return [entry.path]
        return [fetched_dataset(wildcards["dataset"])[0]] if dataset_to_fetch(entry) else []

    def source_manifest(self, wildcards: Wildcards) -> list[str]:
        """The manifest of that file, if it was fetched from a hub."""
        return [fetched_dataset(wildcards["dataset"])[1]] if dataset_to_fetch(self._entry(wildcards)) else []

    def curate_code(self, wildcards: Wildcards) -> str:
        """Code hash of `curate` with a data set's source."""
        return self.code("safelrm.data.curate", self.source(wildcards))

    def audit_settings(self) -> str:
        """Settings of the audit."""
        return settings_json(self.study.audit)

    def audit_files(self, side: Side) -> list[str]:
        """The training, tuning or evaluation sets that the audit compares."""
        return [path for _, path in self._audited(side)]

    def audit_named_files(self, side: Side) -> list[str]:
        """`name=path` of these sets."""
        return [f"{name}={path}" for name, path in self._audited(side)]

    def used(self) -> list[str]:
        """The data sets that a job of the study reads, and candidates.

        Other data sets may be named in a configuration that it stands on.
        """
        read = {*self._read()}
        while behind := {origin for name in read for origin in self.study.datasets[name].origins} - read:
            read |= behind
        return [*data_files(name for name in self.study.datasets if name in read), *self.candidates()]

    def candidates(self) -> list[str]:
        """The candidates that arms are trained on."""
        return list(
            dict.fromkeys(
                candidates_file(arm.model, name, arm.start, seed)
                for arm in self.study.arms
                if (name := candidates_of(self.study, arm))
                for seed in arm.seeds
            )
        )

    def targets(self) -> list[str]:
        """The tables of the audit, if the study has one."""
        names = ("overlap", "lengths", "traces") if self.study.audit else ()
        return [result_file(self.study.name, f"audit/{name}.csv") for name in names]

    def _entry(self, wildcards: Wildcards) -> DatasetEntry:
        return self.study.datasets[wildcards["dataset"]]

    def _read(self) -> Iterator[str]:
        """The name of each data set that is read, by what reads it."""
        study = self.study
        yield from (entry.dataset for entry in study.benchmarks)
        for made in (*study.models.values(), *study.guards.values()):
            yield from made.inputs.values()
        for arm in study.arms:
            if arm.method == "sft":
                yield from study.sft[arm.recipe].datasets
            if name := candidates_of(study, arm):
                yield from study.candidates[name].prompts
            if arm.method == "rl":
                yield from (share.dataset for share in study.rl[arm.recipe].prompts)
            if (recipe := study.recipe(arm)) is not None:
                yield from recipe.probed
        for learned in (*study.classifiers.values(), *study.validation.values()):
            yield from learned.labelled
        if study.audit:
            yield from (*study.audit.train, *study.audit.tune, *study.audit.evaluation)
        if study.curation:
            yield from study.curation.datasets

    def _audited(self, side: Side) -> list[tuple[str, str]]:
        """Names and files of these sets. A benchmark is audited as its data set."""
        asked = {entry.name: entry.dataset for entry in self.study.benchmarks} if side == "evaluation" else {}
        names = getattr(self.study.audit, side) if self.study.audit else []
        return [(name, data_file(asked.get(name, name))) for name in names]

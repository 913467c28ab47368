"""Data sets and their audit."""

from collections.abc import Iterator
from typing import Literal

from safelrm.core.files import canonical_json
from safelrm.dag.entries import DatasetEntry
from safelrm.dag.paths import candidates_file, data_file, data_files, dropped_file, fetched_dataset, result_file
from safelrm.dag.registry import top_level_names
from safelrm.dag.stages.common import Stages, Wildcards, settings_json
from safelrm.dag.stages.models import dataset_to_fetch
from safelrm.dag.taught import candidates_of, sft_file, taught_arms, used_distillations
from safelrm.dag.used import used_models

# what a source offers that accounts for the rows of its file
ACCOUNTED = "accounted"
Side = Literal["train", "tune", "evaluation"]


class DataStages(Stages):
    """The jobs of `curate` and `audit`."""

    def source(self, wildcards: Wildcards) -> str:
        """Module of a data set's source."""
        return self._entry(wildcards).source

    def source_settings(self, wildcards: Wildcards) -> str:
        """Settings of a data set's source without the path, which is an input."""
        return canonical_json(_without_path(self._entry(wildcards)))

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

    def accounted_settings(self) -> str:
        """The source and the settings of each data set whose rows are accounted for."""
        read = {name: {"source": entry.source, "settings": _without_path(entry)} for name, entry in self._accounted()}
        return canonical_json({"datasets": read})

    def accounted_files(self) -> list[str]:
        """The files of these data sets."""
        return [self.source_file({"dataset": name})[0] for name, _ in self._accounted()]

    def accounted_named_files(self) -> list[str]:
        """`name=path` of these files."""
        return [f"{name}={self.source_file({'dataset': name})[0]}" for name, _ in self._accounted()]

    def accounted_tables(self) -> list[str]:
        """What `curate` makes of these files."""
        return [data_file(name) for name, _ in self._accounted()]

    def accounted_named_tables(self) -> list[str]:
        """`name=path` of these tables."""
        return [f"{name}={data_file(name)}" for name, _ in self._accounted()]

    def accounted_code(self) -> str:
        """Code hash of `rows` with the sources of these data sets."""
        return self.code("safelrm.data.rows", *sorted({entry.source for _, entry in self._accounted()}))

    def used(self) -> list[str]:
        """The data sets that a job of the study reads, with what was dropped of them, and candidates.

        Other data sets may be named in a configuration that it stands on.
        """
        # what is read may also be a selection, or a benchmark that is named in another way than its data set
        read = {*self._read()} & {*self.study.datasets}
        while behind := {origin for name in read for origin in self.study.datasets[name].origins} - read:
            read |= behind
        names = [name for name in self.study.datasets if name in read]
        dropped = [dropped_file(name) for name in names if self.study.datasets[name].origins]
        return [*data_files(names), *dropped, *self.candidates()]

    def candidates(self) -> list[str]:
        """The candidates that arms are trained on."""
        return list(
            dict.fromkeys(
                candidates_file(arm.model, name, arm.start, seed)
                for arm in taught_arms(self.study)
                if (name := candidates_of(self.study, arm))
                for seed in arm.seeds
            )
        )

    def targets(self) -> list[str]:
        """The tables of the audit, if the study has one, and the account of the rows of files, if it reads some."""
        names = [
            *(("overlap", "lengths", "traces") if self.study.audit else ()),
            *(["rows"] if self._accounted() else []),
        ]
        return [result_file(self.study.name, f"audit/{name}.csv") for name in names]

    def _entry(self, wildcards: Wildcards) -> DatasetEntry:
        return self.study.datasets[wildcards["dataset"]]

    def _accounted(self) -> list[tuple[str, DatasetEntry]]:
        """The data sets that are read from a file, by a source that accounts for its rows."""
        read = {*self._read()}
        return [
            (name, entry)
            for name, entry in self.study.datasets.items()
            if name in read and ACCOUNTED in top_level_names(entry.source) and self.source_file({"dataset": name})
        ]

    def _read(self) -> Iterator[str]:
        """The name of each data set that is read, by what reads it."""
        study = self.study
        yield from (entry.dataset for entry in study.benchmarks)
        models = used_models(study)
        for name, made in (*study.models.items(), *study.guards.items()):
            yield from made.inputs.values() if name in models else ()
        for name in used_distillations(study):
            yield from study.distillations[name].prompts
        for arm in taught_arms(study):
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
        if study.memorisation:
            yield from study.memorisation.all_datasets
        if study.audit:
            yield from (*study.audit.train, *study.audit.tune, *study.audit.evaluation)
        if study.curation:
            yield from study.curation.datasets

    def _audited(self, side: Side) -> list[tuple[str, str]]:
        """Names and files of these sets, selections included. A benchmark is audited as its data set."""
        asked = {entry.name: entry.dataset for entry in self.study.benchmarks} if side == "evaluation" else {}
        names = getattr(self.study.audit, side) if self.study.audit else []
        return [(name, sft_file(self.study, asked.get(name, name))) for name in names]


def _without_path(entry: DatasetEntry) -> dict[str, object]:
    """Settings of a data set's source without the path, which is an input."""
    return {key: value for key, value in entry.settings.items() if key != "path"}

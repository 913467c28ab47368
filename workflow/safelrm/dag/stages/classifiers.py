"""Classifiers of refusals, which are trained on labelled completions."""

from pathlib import Path

from safelrm.dag.judge_entries import ClassifierEntry
from safelrm.dag.paths import classifier_folds, classifier_manifest, data_files, fetched_model, named_data_files
from safelrm.dag.stages.common import Stages, Wildcards, settings_json
from safelrm.models.files import files_in


class ClassifierStages(Stages):
    """The jobs of `classifier`."""

    def labelled(self, wildcards: Wildcards) -> list[str]:
        """The labelled completions that a classifier learns from."""
        return data_files(self._entry(wildcards).labelled)

    def named_labelled(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of these."""
        return named_data_files(self._entry(wildcards).labelled)

    def encoder_files(self, wildcards: Wildcards) -> list[str]:
        """The manifest of an encoder of a hub, or the files of an encoder in a folder."""
        encoder = self._entry(wildcards).encoder
        return (
            [fetched_model(encoder.hub.repo)] if encoder.hub else [str(path) for path in files_in(Path(encoder.path))]
        )

    def encoder(self, wildcards: Wildcards) -> str:
        """The manifest of an encoder of a hub, or its folder."""
        encoder = self._entry(wildcards).encoder
        return fetched_model(encoder.hub.repo) if encoder.hub else encoder.path

    def revision(self, wildcards: Wildcards) -> str:
        """The commit of an encoder of a hub; empty for one in a folder."""
        encoder = self._entry(wildcards).encoder
        return (encoder.hub.revision or "") if encoder.hub else ""

    def settings(self, wildcards: Wildcards) -> str:
        """How a classifier is trained and checked."""
        return settings_json(self._entry(wildcards).settings)

    def manifests(self) -> list[str]:
        """The manifest of every classifier."""
        return [classifier_manifest(name) for name in self.study.classifiers]

    def targets(self) -> list[str]:
        """How every classifier agrees with labels on completions that were left out."""
        return [classifier_folds(name) for name in self.study.classifiers]

    def _entry(self, wildcards: Wildcards) -> ClassifierEntry:
        return self.study.classifiers[wildcards["classifier"]]

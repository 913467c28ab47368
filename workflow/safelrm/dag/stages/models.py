"""What is fetched from a hub, and the bases and guards that factories make from it, from a folder or from data sets."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safelrm.core.files import canonical_json
from safelrm.dag.entries import DatasetEntry, MadeModel
from safelrm.dag.paths import data_file, fetched_dataset, fetched_model
from safelrm.dag.registry import settings_model
from safelrm.dag.stages.common import Stages, Wildcards, settings_json
from safelrm.models.files import files_in
from safelrm.models.settings import FetchDatasetSettings, FetchModelSettings


class FetchingStages(Stages):
    """The jobs that fetch models and data sets."""

    def manifests(self) -> list[str]:
        """The manifest of everything that the study takes from a hub."""
        datasets = [name for name, entry in self.study.datasets.items() if dataset_to_fetch(entry)]
        return [*self._models(), *(fetched_dataset(name)[1] for name in datasets)]

    def model_settings(self, wildcards: Wildcards) -> str:
        """What is fetched of a model."""
        return settings_json(self._model(wildcards)[1])

    def model_key(self, wildcards: Wildcards) -> str:
        """The key of the configuration that names a model on a hub."""
        return self._model(wildcards)[0]

    def dataset_settings(self, wildcards: Wildcards) -> str:
        """What is fetched of a data set."""
        return settings_json(dataset_to_fetch(self.study.datasets[wildcards["dataset"]]))

    def _model(self, wildcards: Wildcards) -> tuple[str, FetchModelSettings]:
        return self._models()[fetched_model(wildcards["repo"])]

    def _models(self) -> Mapping[str, tuple[str, FetchModelSettings]]:
        """By manifest, the first key of the configuration that names a model on a hub, and what is fetched of it."""
        return {
            fetched_model(hub.repo): (key, FetchModelSettings(repo=hub.repo, revision=hub.revision))
            for key, hub in reversed([*self.study.hub_models()])
        }


@dataclass(frozen=True)
class MakingStages(Stages):
    """The jobs of one rule that makes models.

    Attributes:
        rule: the rule, and the module of its stage in `safelrm.models`.
        wildcard: the wildcard that names a model.
        entries: the models by name.
    """

    rule: str
    wildcard: str
    entries: Mapping[str, MadeModel]

    def inputs(self, wildcards: Wildcards) -> list[str]:
        """The files that a model is made from; of a folder of the user those that are parts of the model."""
        entry = self._entry(wildcards)
        if entry.path:
            return [str(path) for path in files_in(Path(entry.path))]
        return [*self._origin(wildcards).values()]

    def named_inputs(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of these files or of their folder, by the names that the factory gives them."""
        return [f"{name}={path}" for name, path in self._origin(wildcards).items()]

    def factory(self, wildcards: Wildcards) -> str:
        """Module of a model's factory."""
        return self._entry(wildcards).maker

    def settings(self, wildcards: Wildcards) -> str:
        """Settings of a model's factory. The factory of a hub's models is also told the revision."""
        entry = self._entry(wildcards)
        return canonical_json(entry.settings | ({"revision": entry.hub.revision} if entry.hub else {}))

    def seed(self, wildcards: Wildcards) -> int:
        """Seed of a model's factory."""
        return self._entry(wildcards).seed

    def factory_code(self, wildcards: Wildcards) -> str:
        """Code hash of the stage with a model's factory."""
        return self.code(f"safelrm.models.{self.rule}", self.factory(wildcards))

    def _entry(self, wildcards: Wildcards) -> MadeModel:
        return self.entries[wildcards[self.wildcard]]

    def _origin(self, wildcards: Wildcards) -> dict[str, str]:
        entry = self._entry(wildcards)
        if entry.hub:
            return {"hub": fetched_model(entry.hub.repo)}
        if entry.path:
            return {"folder": entry.path}
        return {key: data_file(name) for key, name in entry.inputs.items()}


def dataset_to_fetch(entry: DatasetEntry) -> FetchDatasetSettings | None:
    """What is fetched for a data set; None if its source reads a file of the user, or none."""
    model = settings_model(entry.source)
    if "hub" not in model.model_fields:
        return None
    settings = model.model_validate(entry.settings)
    if settings.path is not None or settings.hub is None:
        return None
    return FetchDatasetSettings(
        repo=settings.hub,
        revision=settings.revision,
        config=settings.hub_config,
        data_file=settings.hub_file,
        split=settings.split,
    )

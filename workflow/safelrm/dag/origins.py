"""Where a study's models, guards and data sets come from: rules of the study, files of the user, or a hub."""

from collections.abc import Iterator, Mapping

from safelrm.core.errors import SafeLRMError
from safelrm.dag.paths import data_file, fetched_model
from safelrm.dag.registry import settings_model
from safelrm.dag.settings import DatasetEntry, MadeModel, Study
from safelrm.models.settings import FetchDatasetSettings, FetchModelSettings, HubModel


def origin_files(entry: MadeModel) -> dict[str, str]:
    """The files that a factory makes a model or a guard from, by the names that the factory gives them."""
    if entry.hub:
        return {"hub": fetched_model(entry.hub.repo)}
    return {key: data_file(name) for key, name in entry.inputs.items()}


def origin_settings(entry: MadeModel) -> dict[str, str | None]:
    """What the factory of a hub's models is told of where they come from."""
    return {"revision": entry.hub.revision} if entry.hub else {}


def named(files: Mapping[str, str]) -> list[str]:
    """`name=path`, as stages take them."""
    return [f"{name}={path}" for name, path in files.items()]


def models_to_fetch(study: Study) -> dict[str, tuple[str, FetchModelSettings]]:
    """Every model and guard of a hub, by the path of its manifest: the key that names it, and what is fetched."""
    entries = _hub_entries(study)
    return {
        fetched_model(hub.repo): (key, FetchModelSettings(repo=hub.repo, revision=hub.revision))
        for key, hub in reversed([*entries])
    }


def dataset_to_fetch(entry: DatasetEntry) -> FetchDatasetSettings | None:
    """What is fetched for a data set; None where its source reads a file of the user, or none."""
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


def check_origins(study: Study, file: str) -> None:
    """Make sure that each origin is one thing.

    Raises:
        SafeLRMError: two revisions of one repository are asked for, or a data set has neither file nor repository.
    """
    revisions: dict[str, tuple[str, str | None]] = {}
    for key, hub in _hub_entries(study):
        other, revision = revisions.setdefault(hub.repo, (key, hub.revision))
        if revision != hub.revision:
            raise SafeLRMError(
                f"`{other}` has another revision of {hub.repo}, and one is kept at a time",
                file=file,
                key=f"{key}.revision",
                fix="give both the same revision",
            )
    for name, entry in study.datasets.items():
        _check_dataset(entry, f"datasets.{name}.settings", file)


def _check_dataset(entry: DatasetEntry, key: str, file: str) -> None:
    model = settings_model(entry.source)
    if "hub" not in model.model_fields:
        return
    settings = model.model_validate(entry.settings)
    if settings.path is None and settings.hub is None:
        raise SafeLRMError("no file is given, and no hub copy is known", file=file, key=f"{key}.path", fix="give path")
    if settings.path is None and settings.sha256 is not None:
        raise SafeLRMError(
            "pins the file at `path`, and no path is given",
            file=file,
            key=f"{key}.sha256",
            fix="give path, or pin the hub's version by revision instead",
        )


def _hub_entries(study: Study) -> Iterator[tuple[str, HubModel]]:
    for section, entries in (("models", study.models), ("guards", study.guards)):
        for name, entry in entries.items():
            if entry.hub:
                yield f"{section}.{name}.hub", entry.hub

"""What must hold between the sections of a configuration, checked before any job is planned."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

from safelrm.core.errors import SafeLRMError
from safelrm.dag.registry import settings_model
from safelrm.dag.settings import DatasetEntry, Study
from safelrm.models.files import check_folder
from safelrm.models.sizes import shape_of


def check_names(study: Study, file: str) -> None:
    """Make sure that every name that one section takes from another is there.

    Raises:
        SafeLRMError: a name is not.
    """
    for key, name, title in _references(study):
        section = getattr(study, title)
        if name is not None and name not in section:
            near = difflib.get_close_matches(name, section, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"add it to `{title}`, which has {sorted(section)}"
            raise SafeLRMError(f"`{name}` is not in `{title}`", file=file, key=key, fix=hint)


def _references(study: Study) -> Iterator[tuple[str, str | None, str]]:
    """Every key that names an entry of another section, with the name and the section."""
    yield from (("benchmarks", name, "datasets") for name in study.benchmarks)
    yield from (("arms", arm.model, "models") for arm in study.arms)
    for section in ("models", "guards"):
        for name, made in getattr(study, section).items():
            yield from ((f"{section}.{name}.inputs", given, "datasets") for given in made.inputs.values())
    for name, sft in study.sft.items():
        yield f"sft.{name}.dataset", sft.dataset, "datasets"
    for name, rl in study.rl.items():
        yield from ((f"rl.{name}.prompts", share.dataset, "datasets") for share in rl.prompts)
        yield f"rl.{name}.guard", rl.guard, "guards"
    for name, judge in study.judges.items():
        yield f"judges.{name}.guard", judge.guard, "guards"
    for name, validation in study.validation.items():
        yield from ((f"validation.{name}.labelled", given, "datasets") for given in validation.labelled)
    if study.metrics:
        for key in ("safety_judge", "refusal_judge", "accuracy_judge"):
            yield f"metrics.{key}", getattr(study.metrics, key), "judges"
        yield "metrics.reference_model", study.metrics.reference_model, "models"
        yield "metrics.safety_benchmark", study.metrics.safety_benchmark, "benchmarks"
    if study.calibration:
        yield "calibration.reference", study.calibration.reference, "judges"
        yield from (("calibration.judges", name, "judges") for name in study.calibration.judges)
    if study.audit:
        for key in ("train", "evaluation"):
            yield from ((f"audit.{key}", name, "datasets") for name in getattr(study.audit, key))


def check_arms(study: Study, file: str) -> None:
    """Make sure that every arm can be made, once, and evaluated.

    Raises:
        SafeLRMError: an arm has no recipe of its method, a run is listed twice, the study lacks what arms are evaluated
            with, or the only judge of safety asks the guard that rewards.
    """
    recipes: dict[str, Mapping[str, object]] = {"base": {}, "sft": study.sft, "rl": study.rl}
    seen: set[tuple[str, str, int]] = set()
    for index, arm in enumerate(study.arms):
        key = f"arms.{index}"
        if arm.method == "base":
            if arm.recipe is not None:
                raise SafeLRMError("`base` takes no recipe", file=file, key=key, fix="remove it")
        elif arm.recipe not in recipes[arm.method]:
            raise SafeLRMError(
                f"`{arm.recipe}` is not a recipe of `{arm.method}`",
                file=file,
                key=f"{key}.recipe",
                fix=f"one of {sorted(recipes[arm.method])}",
            )
        for seed in arm.seeds:
            if (arm.model, arm.name, seed) in seen:
                raise SafeLRMError(f"seed {seed} of this arm is listed twice", file=file, key=key, fix="remove one")
            seen.add((arm.model, arm.name, seed))
    _check_evaluation(study, file)
    needed = [("rollouts", study.rollouts), ("metrics", study.metrics), ("benchmarks", study.benchmarks)]
    for key, value in needed if study.arms else []:
        if not value:
            raise SafeLRMError("missing, but the study has arms", file=file, key=key, fix="see docs/configuration.md")


def _check_evaluation(study: Study, file: str) -> None:
    """The guard that rewards an arm must not be the only judge of safety: RL may learn what it overlooks."""
    calibrated = {study.calibration.reference, *study.calibration.judges} if study.calibration else set()
    guards = {judge.guard for name, judge in study.judges.items() if judge.guard or name in calibrated}
    for arm in study.arms:
        if arm.method == "rl" and guards == {study.rl[arm.recipe].guard}:
            raise SafeLRMError(
                f"the only judge of safety asks the guard that rewards `{arm.name}`: it would judge what it has taught",
                file=file,
                key="judges",
                fix="add a judge with another guard, and name it in `metrics.safety_judge`",
            )


def check_origins(study: Study, file: str) -> None:
    """Make sure that each model and each data set comes from one place, and that the user's files are there.

    Raises:
        SafeLRMError: two revisions of one repository are asked for, a data set has neither a file nor a repository, a
            file does not exist, or a folder holds no model.
    """
    revisions: dict[str, tuple[str, str | None]] = {}
    for key, hub in study.hub_models():
        other, revision = revisions.setdefault(hub.repo, (key, hub.revision))
        if revision != hub.revision:
            raise SafeLRMError(
                f"`{other}` has another revision of {hub.repo}, and one is kept at a time",
                file=file,
                key=f"{key}.revision",
                fix="give both the same revision",
            )
    for section in ("models", "guards"):
        for name, made in getattr(study, section).items():
            if made.path:
                _check_model(Path(made.path), f"{section}.{name}.path", file)
    for name, entry in study.datasets.items():
        _check_dataset(entry, f"datasets.{name}.settings", file)


def _check_model(folder: Path, key: str, file: str) -> None:
    try:
        check_folder(folder)
        shape_of(folder)
    except SafeLRMError as error:
        at = ": ".join(str(part) for part in (error.file, error.key) if part)
        raise SafeLRMError(f"{at}: {error.problem}", file=file, key=key, fix=error.fix) from None


def _check_dataset(entry: DatasetEntry, key: str, file: str) -> None:
    if entry.path is not None and not Path(entry.path).is_file():
        raise SafeLRMError(
            f"the file {entry.path} does not exist",
            file=file,
            key=f"{key}.path",
            fix="put it there, or name another path",
        )
    model = settings_model(entry.source)
    if "hub" not in model.model_fields or entry.path is not None:
        return
    settings = model.model_validate(entry.settings)
    if settings.hub is None:
        raise SafeLRMError("no file is given, and no hub copy is known", file=file, key=f"{key}.path", fix="give path")
    if settings.sha256 is not None:
        raise SafeLRMError(
            "pins the file at `path`, and no path is given",
            file=file,
            key=f"{key}.sha256",
            fix="give path, or pin the hub's version by revision instead",
        )

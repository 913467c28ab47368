"""What must hold between the sections of a configuration, checked before any job is planned."""

from collections.abc import Callable, Mapping
from pathlib import Path

from safelrm.core.arms import plain_arm
from safelrm.core.errors import SafeLRMError
from safelrm.dag.entries import DatasetEntry
from safelrm.dag.registry import settings_model
from safelrm.dag.settings import Arm, Study
from safelrm.data.presets import data_presets, unknown_settings
from safelrm.data.schemas import HARMFUL
from safelrm.models.files import check_folder
from safelrm.models.sizes import shape_of
from safelrm.training.settings import ModalSettings


def check_presets(study: Study, file: str) -> None:
    """Make sure that every data set's preset knows what its source must be told.

    Raises:
        SafeLRMError: a preset does not know a setting that the configuration does not give either, or it reads a file,
            and none is given.
    """
    for name, entry in study.datasets.items():
        if entry.preset is not None and (fault := _fault_of_preset(entry, file)):
            problem, fix = fault
            raise SafeLRMError(f"the preset `{entry.preset}` {problem}", file=file, key=f"datasets.{name}", fix=fix)


def _fault_of_preset(entry: DatasetEntry, file: str) -> tuple[str, str] | None:
    """What a data set's preset lacks, and how to give it."""
    unknown = [*unknown_settings(entry.settings)]
    if entry.path is None and "hub" not in entry.settings:
        return "reads the publisher's file", "give `settings.path`; docs/sources.md says whose file it is"
    for key, choice in data_presets()[entry.preset].choose.items():
        if key in unknown:
            return f"needs `settings.{key}`", f"give {choice}"
    if unknown:
        command = f"PYTHONPATH=workflow python -m safelrm revisions {file.replace(', ', ' ')}"
        return f"does not know {unknown}", f"fill it in online: {command}; or give it in `settings`"
    return None


def check_benchmarks(study: Study, file: str) -> None:
    """Make sure that no two benchmarks have one name.

    Raises:
        SafeLRMError: two have.
    """
    seen: dict[str, int] = {}
    for place, entry in enumerate(study.benchmarks):
        if seen.setdefault(entry.name, place) != place:
            raise SafeLRMError(
                f"`{entry.name}` is the name of benchmark {seen[entry.name]}, too",
                file=file,
                key=f"benchmarks.{place}.name",
                fix="give this one a `name` of its own",
            )


def check_refined(study: Study, file: str) -> None:
    """Make sure that no data set is made from itself.

    Raises:
        SafeLRMError: one is.
    """
    for name in study.datasets:
        behind: set[str] = set()
        todo = [name]
        while todo:
            todo = [origin for one in todo for origin in study.datasets[one].origins if origin not in behind]
            behind |= {*todo}
        if name in behind:
            key, fix = f"datasets.{name}.settings", "name other data sets in `dataset` and `overlap_with`"
            raise SafeLRMError(f"`{name}` is made from itself", file=file, key=key, fix=fix)


def check_arms(study: Study, file: str) -> None:
    """Make sure that every arm can be made, once, and evaluated.

    Raises:
        SafeLRMError: an arm has no recipe of its method, a run is listed twice, or the study lacks what arms are
            evaluated with.
    """
    recipes: dict[str, Mapping[str, object]] = {"base": {}, "sft": study.sft, "dpo": study.dpo, "rl": study.rl}
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
        _check_modes(study, arm, key, file)
        _check_start(study, arm, key, file)
        for seed in arm.seeds:
            if (arm.model, arm.name, seed) in seen:
                raise SafeLRMError(f"seed {seed} of this arm is listed twice", file=file, key=key, fix="remove one")
            seen.add((arm.model, arm.name, seed))
    _check_safety_benchmark(study, file)
    _check_sft_against(study, file)
    needed = [("rollouts", study.rollouts), ("metrics", study.metrics), ("benchmarks", study.benchmarks)]
    for key, value in needed if study.arms else []:
        if not value:
            raise SafeLRMError("missing, but the study has arms", file=file, key=key, fix="see docs/configuration.md")


def _check_modes(study: Study, arm: Arm, key: str, file: str) -> None:
    """The decoding modes that a recipe trains in are those of the arm's model."""
    recipes: dict[str, Mapping[str, ModalSettings]] = {"sft": study.sft, "rl": study.rl}
    recipe = recipes[arm.method][arm.recipe] if arm.method in recipes else None
    modes = study.models[arm.model].decodings
    if missing := [name for name in recipe.decodings if name not in modes] if recipe else []:
        problem = f"the recipe `{arm.recipe}` trains in the decoding modes {missing}, which `{arm.model}` has not"
        fix = f"add them to `models.{arm.model}.decodings`, which has {sorted(modes)}, or change the recipe"
        raise SafeLRMError(problem, file=file, key=f"{key}.recipe", fix=fix)


def _check_start(study: Study, arm: Arm, key: str, file: str) -> None:
    """An arm that goes on from another one needs that arm's checkpoint of each of its seeds.

    The name of an arm holds the name of the arm that it starts from. So a circle has no names that fit.
    """
    if arm.start is None:
        return
    others = [other for other in study.arms if other.model == arm.model and other.method != "base"]
    trained = {plain_arm(other.name) for other in others}
    if arm.method == "base" or arm.start not in trained:
        fix = "leave `from` out" if arm.method == "base" else f"one of {sorted(trained)}, or leave it out for the base"
        said = "`base` trains nothing" if arm.method == "base" else f"`{arm.start}` is no trained arm of `{arm.model}`"
        raise SafeLRMError(said, file=file, key=f"{key}.from", fix=fix)
    given = {seed for other in others if plain_arm(other.name) == arm.start for seed in other.seeds}
    if missing := sorted(set(arm.seeds) - given):
        raise SafeLRMError(f"`{arm.start}` has no seeds {missing}", file=file, key=f"{key}.seeds", fix="give it these")


def _check_sft_against(study: Study, file: str) -> None:
    """The arms that other SFT arms are compared with are SFT arms of the study."""
    known = sorted({plain_arm(arm.name) for arm in study.arms if arm.method == "sft"})
    missing = sorted({*study.metrics.sft_against} - {*known}) if study.metrics else []
    if missing:
        key, fix = "metrics.sft_against", f"name some of {known}"
        raise SafeLRMError(f"there are no SFT arms {missing}", file=file, key=key, fix=fix)


def _check_safety_benchmark(study: Study, file: str) -> None:
    """With several harmful benchmarks the study says which of them figures show: they would fail after hours."""
    kinds = {entry.name: study.datasets[entry.dataset].settings.get("kind") for entry in study.benchmarks}
    harmful = sorted(name for name, kind in kinds.items() if kind == HARMFUL)
    if study.arms and study.metrics and study.metrics.safety_benchmark is None and len(harmful) > 1:
        key, fix = "metrics.safety_benchmark", f"name the benchmark that figures show, one of {harmful}"
        raise SafeLRMError(f"there are {len(harmful)} harmful benchmarks", file=file, key=key, fix=fix)


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
                _check_model(Path(made.path), f"{section}.{name}.path", file, check_folder, shape_of)
    for name, classifier in study.classifiers.items():
        if classifier.encoder.path:
            _check_model(Path(classifier.encoder.path), f"classifiers.{name}.encoder.path", file, check_folder)
    for name, entry in study.datasets.items():
        _check_dataset(entry, f"datasets.{name}.settings", file)


def _check_model(folder: Path, key: str, file: str, *checks: Callable[[Path], object]) -> None:
    try:
        for check in checks:
            check(folder)
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

"""Reading and checking a configuration, before any job is planned."""

import difflib
import importlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError
from snakemake.utils import update_config

from safelrm.core.cli import settings_error
from safelrm.core.errors import SafeLRMError
from safelrm.dag.origins import check_origins
from safelrm.dag.registry import constant, settings_model, top_level_names
from safelrm.dag.settings import Study

# a number to everyone but YAML 1.1, which wants a point and a sign
_EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def read_config(files: Sequence[str | Path], overrides: Mapping[str, object]) -> dict[str, object]:
    """The configuration that Snakemake makes of several files and of what its option `--config` was given.

    Raises:
        SafeLRMError: a file cannot be read.
    """
    config: dict[str, object] = {}
    for file in files:
        try:
            update_config(config, yaml.safe_load(Path(file).read_text(encoding="utf-8")))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise SafeLRMError(f"cannot be read ({error})", file=file, fix="mend or name another file") from error
    update_config(config, overrides)
    return config


def load_study(config: Mapping[str, object], file: str) -> Study:
    """The study that a configuration describes.

    Args:
        config: the configuration as read from YAML.
        file: where it comes from, for messages.

    Raises:
        SafeLRMError: a key is unknown, missing or of the wrong type, a name refers to nothing, a
            module or a file does not exist.
    """
    try:
        study = Study.model_validate(_expanded(config, "", file))
    except ValidationError as error:
        raise _with_suggestion(error, file) from None
    _check_names(study, file)
    _check_arms(study, file)
    study = _with_whole_settings(study, file)
    _check_inputs(study, file)
    check_origins(study, file)
    _check_files(study, file)
    return study


def dataset_path(study: Study, name: str) -> str | None:
    """The file that a data set is read from, or None where its source needs none."""
    path = study.datasets[name].settings.get("path")
    return None if path is None else str(path)


def _expanded(value: object, key: str, file: str) -> object:
    """The configuration with `${VARIABLE}` replaced by the environment's value."""
    if isinstance(value, Mapping):
        return {name: _expanded(item, f"{key}.{name}".lstrip("."), file) for name, item in value.items()}
    if isinstance(value, list):
        return [_expanded(item, f"{key}.{index}", file) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    for name in _VARIABLE.findall(value):
        if name not in os.environ:
            raise SafeLRMError(
                f"the environment variable {name} is not set", file=file, key=key, fix=f"export {name}=… and run again"
            )
    return _VARIABLE.sub(lambda match: os.environ[match[1]], value)


def _with_suggestion(error: ValidationError, file: str) -> SafeLRMError:
    """The error, with the nearest known key where a key is unknown, and a number as YAML reads it."""
    found = settings_error(error, file)
    first = error.errors()[0]
    if first["type"] == "extra_forbidden":
        known = {name for model in _models(Study) for name in model.model_fields}
        near = difflib.get_close_matches(str(first["loc"][-1]), sorted(known), n=1)
        if near:
            found.fix = f"did you mean `{near[0]}`? {found.fix}"
    if first["type"] == "float_type" and _EXPONENT.fullmatch(str(first["input"])):
        found.fix = f"YAML takes {first['input']} for a text: write {yaml.safe_dump(float(first['input'])).split()[0]}"
    return found


def _models(model: type[BaseModel]) -> set[type[BaseModel]]:
    """The model and every settings model of its module's imports."""
    module = importlib.import_module(model.__module__)
    members = (value for value in vars(module).values() if isinstance(value, type))
    return {value for value in members if issubclass(value, BaseModel)}


def _check_names(study: Study, file: str) -> None:
    """Every name that one section takes from another must exist there."""

    def known(key: str, names: Iterable[str | None], section: Mapping[str, object], title: str) -> None:
        for name in names:
            if name is not None and name not in section:
                near = difflib.get_close_matches(name, section, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"add it to `{title}`, which has {sorted(section)}"
                raise SafeLRMError(f"`{name}` is not in `{title}`", file=file, key=key, fix=hint)

    known("benchmarks", study.benchmarks, study.datasets, "datasets")
    known("arms", (arm.model for arm in study.arms), study.models, "models")
    for section in ("models", "guards"):
        for name, made in getattr(study, section).items():
            known(f"{section}.{name}.inputs", made.inputs.values(), study.datasets, "datasets")
    for name, sft in study.sft.items():
        known(f"sft.{name}.dataset", [sft.dataset], study.datasets, "datasets")
    for name, rl in study.rl.items():
        known(f"rl.{name}.prompts", (share.dataset for share in rl.prompts), study.datasets, "datasets")
        known(f"rl.{name}.guard", [rl.guard], study.guards, "guards")
    for name, judge in study.judges.items():
        known(f"judges.{name}.guard", [judge.guard], study.guards, "guards")
    for name, validation in study.validation.items():
        known(f"validation.{name}.labelled", validation.labelled, study.datasets, "datasets")
    if study.metrics:
        for key in ("safety_judge", "refusal_judge", "accuracy_judge"):
            known(f"metrics.{key}", [getattr(study.metrics, key)], study.judges, "judges")
        known("metrics.reference_model", [study.metrics.reference_model], study.models, "models")
        known(
            "metrics.safety_benchmark", [study.metrics.safety_benchmark], dict.fromkeys(study.benchmarks), "benchmarks"
        )
    if study.calibration:
        known("calibration.reference", [study.calibration.reference], study.judges, "judges")
        known("calibration.judges", study.calibration.judges, study.judges, "judges")
    if study.audit:
        known("audit.train", study.audit.train, study.datasets, "datasets")
        known("audit.evaluation", study.audit.evaluation, study.datasets, "datasets")


def _check_arms(study: Study, file: str) -> None:
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


def _with_whole_settings(study: Study, file: str) -> Study:
    """The study, with the settings of every module that a registry selects written out, defaults included.

    So `1` and `1.0`, and a default that is left out or given, are the same parameter of a rule. The settings of a judge
    that asks a guard are with how that is read.
    """

    def whole(key: str, module: str, settings: Mapping[str, object], *offers: str) -> dict[str, object]:
        _check_offers(module, key, file, (*offers, "Settings"))
        try:
            return settings_model(module).model_validate(settings).model_dump(mode="json")
        except ValidationError as error:
            raise settings_error(error, f"{file}: {key}.settings") from None

    def entries(section: str, module: str, *offers: str) -> dict[str, BaseModel]:
        return {
            name: entry.model_copy(
                update={"settings": whole(f"{section}.{name}", getattr(entry, module), given(entry), *offers)}
            )
            for name, entry in getattr(study, section).items()
        }

    def given(entry: BaseModel) -> Mapping[str, object]:
        guard = getattr(entry, "guard", None)
        reading = {"reading": study.guards[guard].reading.model_dump(mode="json")} if guard else {}
        return {**reading, **entry.settings}

    for name, rl in study.rl.items():
        for term in rl.rewards:
            _check_offers(term.module, f"rl.{name}.rewards", file, ("build",))
    return study.model_copy(
        update={
            "datasets": entries("datasets", "source", "TABLE", "load"),
            "models": entries("models", "maker", "make", "INPUTS"),
            "guards": entries("guards", "maker", "make", "INPUTS"),
            "judges": entries("judges", "module", "judge"),
            "validation": entries("validation", "judge", "judge"),
        }
    )


def _check_offers(path: str, key: str, file: str, offers: tuple[str, ...]) -> None:
    try:
        missing = set(offers) - top_level_names(path)
    except SafeLRMError as error:
        raise SafeLRMError(f"there is no module `{path}`", file=file, key=key, fix=error.fix) from None
    if missing:
        raise SafeLRMError(
            f"`{path}` has no {sorted(missing)}", file=file, key=key, fix="name a module of the right registry"
        )


def _check_inputs(study: Study, file: str) -> None:
    """A factory is given the data sets that it takes, by its own names."""
    for section in ("models", "guards"):
        for name, made in getattr(study, section).items():
            wanted = set(constant(made.maker, "INPUTS"))
            if not made.hub and set(made.inputs) != wanted:
                raise SafeLRMError(
                    f"`{made.maker}` takes {sorted(wanted)}, given are {sorted(made.inputs)}",
                    file=file,
                    key=f"{section}.{name}.inputs",
                    fix="name a data set for each of them",
                )


def _check_files(study: Study, file: str) -> None:
    for name in study.datasets:
        path = dataset_path(study, name)
        if path is not None and not Path(path).is_file():
            raise SafeLRMError(
                f"the file {path} does not exist",
                file=file,
                key=f"datasets.{name}.settings.path",
                fix="put it there, or name another path",
            )

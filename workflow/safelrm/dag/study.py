"""Reading a configuration: from files and the command line to a study that is checked."""

import difflib
import importlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError
from snakemake.utils import update_config

from safelrm.core.cli import settings_error
from safelrm.core.errors import SafeLRMError
from safelrm.dag.checks import check_arms, check_benchmarks, check_origins, check_presets, check_refined
from safelrm.dag.claims import check_claims
from safelrm.dag.codehash import forget_code
from safelrm.dag.entropies import check_entropies
from safelrm.dag.references import check_names
from safelrm.dag.registry import with_registered_settings
from safelrm.dag.reports import check_reports
from safelrm.dag.roots import plugin_folders, use_plugins
from safelrm.dag.selections import check_teachers, with_selected_settings
from safelrm.dag.settings import Study
from safelrm.dag.trajectory_checks import check_trajectories
from safelrm.dag.validity import check_rewards, check_selections, check_self_judging, check_uses

# YAML 1.1 takes a number such as 1e-5 for a text: it wants a point and a sign
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
            raise SafeLRMError(f"cannot be read ({error})", file=file, fix="correct it or name another") from error
    update_config(config, overrides)
    return config


def load_study(config: Mapping[str, object], file: str) -> Study:
    """The study that a configuration describes.

    Args:
        config: the configuration as read from YAML.
        file: where it comes from, for messages.

    Raises:
        SafeLRMError: a key is unknown, missing or of the wrong type, a name refers to nothing, a module or a file does
            not exist, or sections contradict each other.
    """
    try:
        study = Study.model_validate(_expanded(config, "", file))
    except ValidationError as error:
        raise _with_suggestion(error, file) from None
    before = plugin_folders()
    use_plugins(study.plugins, file)
    # modules of the package do not change while a process runs
    if before or plugin_folders():
        forget_code()
    check_presets(study, file)
    check_benchmarks(study, file)
    check_names(study, file)
    check_refined(study, file)
    check_arms(study, file)
    check_entropies(study, file)
    check_uses(study, file)
    check_teachers(study, file)
    study = with_selected_settings(with_registered_settings(study, file), file)
    check_rewards(study, file)
    check_selections(study, file)
    check_self_judging(study, file)
    check_trajectories(study, file)
    check_origins(study, file)
    check_reports(study, file)
    check_claims(study, file)
    return study


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
    """The error. Its fix names the nearest known key, or writes a number in the form that YAML reads as one."""
    found = settings_error(error, file)
    first = error.errors()[0]
    if first["type"] == "extra_forbidden":
        known = {field.alias or name for model in _models(Study) for name, field in model.model_fields.items()}
        near = difflib.get_close_matches(str(first["loc"][-1]), sorted(known), n=1)
        if near:
            found.fix = f"did you mean `{near[0]}`? {found.fix}"
    if first["type"] == "float_type" and _EXPONENT.fullmatch(str(first["input"])):
        found.fix = f"YAML takes {first['input']} for a text: write {yaml.safe_dump(float(first['input'])).split()[0]}"
    return found


def _models(model: type[BaseModel]) -> set[type[BaseModel]]:
    """Every settings model that the model's module defines or imports, and so on for their modules."""
    found: set[type[BaseModel]] = set()
    left = {model}
    while left:
        module = importlib.import_module(left.pop().__module__)
        members = {value for value in vars(module).values() if isinstance(value, type) and issubclass(value, BaseModel)}
        left |= members - found
        found |= members
    return found

"""The modules that a configuration selects (sources, factories, judges, terms of rewards) and their settings."""

import ast
import importlib
from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from safelrm.core.cli import settings_error
from safelrm.core.errors import SafeLRMError
from safelrm.dag.modules import syntax_tree
from safelrm.dag.settings import Study


def settings_model(path: str) -> type[BaseModel]:
    """The settings model of a registered module.

    A module may import its model (`from safelrm.….settings import … as Settings`). Then only the model's module is
    imported: modules that train or judge import torch, which takes seconds, and this runs whenever Snakemake starts.

    Raises:
        SafeLRMError: there is no such module.
    """
    for node in syntax_tree(path).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == "Settings":
                    return getattr(importlib.import_module(node.module), alias.name)
    return importlib.import_module(path).Settings


def top_level_names(path: str) -> set[str]:
    """The names that a module defines or imports at its top level. The module is not imported.

    Raises:
        SafeLRMError: there is no such module.
    """
    names: set[str] = set()
    for node in syntax_tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names.update(alias.asname or alias.name for alias in node.names)
        else:
            names |= _assigned(node)
    return names


def with_registered_settings(study: Study, file: str) -> Study:
    """The study with the settings of every selected module written out, defaults included.

    So `1` and `1.0` are the same parameter of a rule, and so are a default that is left out and one that is given. The
    settings of a judge that asks a guard include how the guard is read.

    Raises:
        SafeLRMError: a module does not exist, lacks what its registry asks for, or takes other settings or inputs.
    """
    for name, rl in study.rl.items():
        for term in rl.rewards:
            _check_offers(term.module, f"rl.{name}.rewards", file, ("build",))
    complete = study.model_copy(
        update={
            "datasets": _entries(study, file, "datasets", "source", "TABLE", "load"),
            "models": _entries(study, file, "models", "maker", "make", "INPUTS"),
            "guards": _entries(study, file, "guards", "maker", "make", "INPUTS"),
            "judges": _entries(study, file, "judges", "module", "judge"),
            "validation": _entries(study, file, "validation", "judge", "judge"),
        }
    )
    _check_inputs(complete, file)
    return complete


def _entries(study: Study, file: str, section: str, module: str, *offers: str) -> dict[str, BaseModel]:
    """The entries of a section with complete settings.

    Args:
        study: the study.
        file: the configuration, for messages.
        section: the section.
        module: the attribute of an entry that names its module.
        offers: what such a module defines beside `Settings`.
    """
    found: dict[str, BaseModel] = {}
    for name, entry in getattr(study, section).items():
        key, path = f"{section}.{name}", getattr(entry, module)
        _check_offers(path, key, file, (*offers, "Settings"))
        given = {**_reading(study, entry), **entry.settings}
        try:
            settings = settings_model(path).model_validate(given).model_dump(mode="json")
        except ValidationError as error:
            raise settings_error(error, f"{file}: {key}.settings") from None
        found[name] = entry.model_copy(update={"settings": settings})
    return found


def _reading(study: Study, entry: BaseModel) -> Mapping[str, object]:
    guard = getattr(entry, "guard", None)
    return {"reading": study.guards[guard].reading.model_dump(mode="json")} if guard else {}


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
            wanted = _inputs(made.maker)
            if made.factory and set(made.inputs) != wanted:
                raise SafeLRMError(
                    f"`{made.maker}` takes {sorted(wanted)}, given are {sorted(made.inputs)}",
                    file=file,
                    key=f"{section}.{name}.inputs",
                    fix="name a data set for each of them",
                )


def _inputs(factory: str) -> set[str]:
    """The names that a factory gives the data sets that it takes."""
    (value,) = [node.value for node in syntax_tree(factory).body if "INPUTS" in _assigned(node)]
    return set(ast.literal_eval(value))


def _assigned(node: ast.stmt) -> set[str]:
    """The names that a statement assigns."""
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return set()
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}

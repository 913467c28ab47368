"""The modules that a configuration selects (sources, factories, judges, figures and others) and their settings."""

import ast
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from safelrm.core.cli import settings_error
from safelrm.core.errors import SafeLRMError
from safelrm.core.registered import FIX, load_registered, module_fault
from safelrm.core.settings import Strict
from safelrm.dag.declarations import assigned_names, declared_scorers
from safelrm.dag.entries import REFINED, BenchmarkEntry
from safelrm.dag.fields import with_judged_fields
from safelrm.dag.modules import is_module, syntax_tree
from safelrm.dag.settings import Study
from safelrm.generation.settings import SelectedModule
from safelrm.judging.fields import judge_of
from safelrm.training.candidate_settings import CandidateSettings
from safelrm.training.reward_settings import ProbingSettings, RewardTerm
from safelrm.training.rewards.base import kinds_of
from safelrm.training.settings import RlSettings, TrainingSettings

Recipe = TypeVar("Recipe", bound=TrainingSettings)
Scored = TypeVar("Scored", CandidateSettings, ProbingSettings, RlSettings)

# sections whose modules need no settings
PLAIN = ("tables", "figures")


def settings_model(path: str) -> type[BaseModel]:
    """The settings model of a registered module.

    A module may import its model (`from safelrm.….settings import … as Settings`). Then only the model's module is
    imported: modules that train or judge import torch, which takes seconds, and this runs whenever Snakemake starts.

    Raises:
        SafeLRMError: there is no such module, it cannot be imported, or its `Settings` is no settings model.
    """
    module, name = path, "Settings"
    for node in syntax_tree(path).body:
        if isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    module, name = node.module, alias.name
    found = getattr(load_registered(module, name), name)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise module_fault(path, "is no settings model, such as a subclass of safelrm.core.settings.Strict", key=name)
    return found


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
            names |= assigned_names(node)
    return names


def with_registered_settings(study: Study, file: str) -> Study:
    """The study with the settings of every selected module written out, defaults included.

    So `1` and `1.0` are the same parameter of a rule, and so are a default that is left out and one that is given. The
    settings of a judge that asks a guard include how the guard is read.

    Raises:
        SafeLRMError: a module does not exist, lacks what its registry asks for, or takes other settings or inputs.
    """
    complete = study.model_copy(
        update={
            "datasets": _entries(study, file, "datasets", "source", "TABLE", "load"),
            "models": _entries(study, file, "models", "maker", "make", "INPUTS"),
            "guards": _entries(study, file, "guards", "maker", "make", "INPUTS"),
            "candidates": {
                name: _with_terms(entry, f"candidates.{name}.rewards", file) for name, entry in study.candidates.items()
            },
            **{
                method: {
                    name: _with_probe(recipe, f"{method}.{name}", file)
                    for name, recipe in getattr(study, method).items()
                }
                for method in ("sft", "dpo")
            },
            "rl": {
                name: _with_probe(_with_terms(rl, f"rl.{name}.rewards", file), f"rl.{name}", file)
                for name, rl in study.rl.items()
            },
            "judges": _entries(study, file, "judges", "module", "judge"),
            "benchmarks": [
                _with_attack(entry, f"benchmarks.{place}", file) for place, entry in enumerate(study.benchmarks)
            ],
            "interventions": {
                name: _selected(chosen, f"interventions.{name}", file, "intervene", "edit_model")
                for name, chosen in study.interventions.items()
            },
            "analyses": _entries(study, file, "analyses", "module", "analyse", "INPUTS", "MEASURES"),
            "tables": _entries(study, file, "tables", "module", "rows", "INPUTS", "CAPTION"),
            "figures": _entries(study, file, "figures", "module", "draw", "INPUTS", "CAPTION"),
        }
    )
    _check_inputs(complete, file)
    _check_known(complete, file)
    _check_asked(complete, file)
    _check_classifiers(complete, file)
    return with_judged_fields(complete, file)


def completed_settings(path: str, given: Mapping[str, object], key: str, file: str, *offers: str) -> dict[str, object]:
    """The settings of a module that a section selects, defaults included.

    Args:
        path: the module.
        given: the settings that the configuration gives.
        key: the key of its entry.
        file: the configuration, for messages.
        offers: what it must define beside `Settings`.

    Raises:
        SafeLRMError: there is no such module, it lacks what it must define, or it takes other settings.
    """
    _check_offers(path, key, file, (*offers, "Settings"))
    return _complete(settings_model(path), given, key, file)


def _entries(study: Study, file: str, section: str, module: str, *offers: str) -> dict[str, BaseModel]:
    """The entries of a section with complete settings.

    Args:
        study: the study.
        file: the configuration, for messages.
        section: the section.
        module: the attribute of an entry that names its module.
        offers: what such a module defines beside `Settings`, which modules of the sections PLAIN may lack.
    """
    found: dict[str, BaseModel] = {}
    for name, entry in getattr(study, section).items():
        key, path = f"{section}.{name}", getattr(entry, module)
        # a stage of its own makes a data set from others
        wanted = ("refined",) if path == REFINED else offers
        _check_offers(path, key, file, wanted if section in PLAIN else (*wanted, "Settings"))
        model = Strict if section in PLAIN and "Settings" not in top_level_names(path) else settings_model(path)
        given = {**_reading(study, entry), **entry.settings}
        found[name] = entry.model_copy(update={"settings": _complete(model, given, key, file)})
    return found


def _with_probe(recipe: Recipe, key: str, file: str) -> Recipe:
    """The recipe with complete settings of the terms of its probes."""
    if recipe.probe is None:
        return recipe
    return recipe.model_copy(update={"probe": _with_terms(recipe.probe, f"{key}.probe.rewards", file)})


def _with_terms(scored: Scored, key: str, file: str) -> Scored:
    """A recipe or its probes with complete settings of the terms. A term has guards if its module reads guards."""
    terms: list[RewardTerm] = []
    for place, term in enumerate(scored.rewards):
        at = f"{key}.{place}"
        _check_offers(term.module, at, file, ("build", "Settings"))
        reads = "READS_GUARDS" in top_level_names(term.module)
        if reads != bool(term.guards):
            what, fix = ("needs a guard", "name one of `guards`") if reads else ("reads no guard", "leave them out")
            raise SafeLRMError(f"`{term.module}` {what}", file=file, key=f"{at}.guards", fix=fix)
        settings = _complete(settings_model(term.module), term.settings, at, file)
        for name, scorer in declared_scorers(term.module, settings).items():
            _check_offers(scorer, f"{at}.settings.{name}", file, ("score",))
        _check_kinds(term, f"{at}.kinds", file)
        terms.append(term.model_copy(update={"settings": settings}))
    return scored.model_copy(update={"rewards": terms})


def _check_kinds(term: RewardTerm, key: str, file: str) -> None:
    """A term with kinds of prompts of its own names some that its module scores."""
    try:
        # this imports the module, which may take seconds
        if term.kinds:
            kinds_of(term)
    except SafeLRMError as error:
        raise SafeLRMError(error.problem, file=error.file or file, key=key, fix=error.fix) from None


def _complete(model: type[BaseModel], given: Mapping[str, object], key: str, file: str) -> dict[str, object]:
    """The settings of a module, defaults included."""
    try:
        return model.model_validate(given).model_dump(mode="json")
    except ValidationError as error:
        raise settings_error(error, f"{file}: {key}.settings") from None


def _with_attack(entry: BenchmarkEntry, key: str, file: str) -> BenchmarkEntry:
    if entry.attack is None:
        return entry
    return entry.model_copy(update={"attack": _selected(entry.attack, f"{key}.attack", file, "attack")})


def _selected(chosen: SelectedModule, key: str, file: str, *offers: str) -> SelectedModule:
    """A module with complete settings. It must define `Settings` and one of the given names."""
    _check_offers(chosen.module, key, file, ("Settings",))
    if not set(offers) & top_level_names(chosen.module):
        wanted = " or ".join(f"`{name}`" for name in offers)
        fix = "define it, or name a module of the right registry"
        raise SafeLRMError(f"`{chosen.module}` has no {wanted}", file=file, key=key, fix=fix)
    settings = _complete(settings_model(chosen.module), chosen.settings, key, file)
    return chosen.model_copy(update={"settings": settings})


def _reading(study: Study, entry: BaseModel) -> Mapping[str, object]:
    guard = getattr(entry, "guard", None)
    return {"reading": study.guards[guard].reading.model_dump(mode="json")} if guard else {}


def _check_offers(path: str, key: str, file: str, offers: tuple[str, ...]) -> None:
    if not is_module(path):
        fix = "correct the spelling, or name the folder of your own modules in `plugins`"
        raise SafeLRMError(f"there is no module `{path}`", file=file, key=key, fix=fix)
    if missing := set(offers) - top_level_names(path):
        raise SafeLRMError(f"`{path}` has no {sorted(missing)}", file=file, key=key, fix=FIX)


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


def _check_known(study: Study, file: str) -> None:
    """A module that says what a base was trained on is there, and the base was trained here."""
    for name, known in study.memorisation.known.items() if study.memorisation else ():
        if known.module:
            key = f"memorisation.known.{name}.module"
            _check_offers(known.module, key, file, ("texts",))
            if not study.models[name].factory:
                fix = "leave it out: it is not known what a model of a hub or a folder was trained on"
                raise SafeLRMError(f"`{name}` is not trained in this study", file=file, key=key, fix=fix)


def _check_asked(study: Study, file: str) -> None:
    """A judge whose settings know an endpoint asks either it or a model of the study."""
    for name, judge in study.judges.items():
        if "endpoint" in judge.settings and (judge.settings["endpoint"] is None) == (judge.model is None):
            problem = "asks no model" if judge.model is None else "asks a model of the study and an endpoint"
            fix = "give either `model`, a key of `models` or `guards`, or `settings.endpoint`"
            raise SafeLRMError(problem, file=file, key=f"judges.{name}", fix=fix)


def _check_classifiers(study: Study, file: str) -> None:
    """A judge names a classifier if its module asks one, and else none. None is validated on what it has learned."""
    for name, judge in study.judges.items():
        asks = "ASKS_CLASSIFIER" in top_level_names(judge.module)
        if asks != bool(judge.classifier):
            what, fix = ("needs a classifier", "name one of `classifiers`") if asks else ("asks none", "leave it out")
            raise SafeLRMError(f"`{judge.module}` {what}", file=file, key=f"judges.{name}.classifier", fix=fix)
    learned = {
        name: study.classifiers[judge.classifier].labelled for name, judge in study.judges.items() if judge.classifier
    }
    for name, entry in study.validation.items():
        for judge in map(judge_of, entry.judges):
            seen = [_read_from(study, labelled) for labelled in learned.get(judge, ())]
            if known := sorted(labelled for labelled in entry.labelled if _read_from(study, labelled) in seen):
                problem = f"`{judge}` has learned from {known}, so its agreement there says nothing"
                fix = "validate it on other sets; results/training/classifiers has its figures on completions left out"
                raise SafeLRMError(problem, file=file, key=f"validation.{name}.labelled", fix=fix)


def _read_from(study: Study, dataset: str) -> tuple[object, ...]:
    """What a data set is read from. Two names may stand for the same rows."""
    entry = study.datasets.get(dataset)
    return (dataset,) if entry is None else (entry.source, entry.settings)


def _inputs(factory: str) -> set[str]:
    """The names that a factory gives the data sets that it takes."""
    (value,) = [node.value for node in syntax_tree(factory).body if "INPUTS" in assigned_names(node)]
    return set(ast.literal_eval(value))

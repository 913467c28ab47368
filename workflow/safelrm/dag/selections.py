"""Distillations and selections of a configuration: checks, and the settings of the modules that they name."""

import difflib
from collections.abc import Iterator, Mapping

from safelrm.core.errors import SafeLRMError
from safelrm.dag.declarations import assigned_names, declared
from safelrm.dag.fields import field_referred
from safelrm.dag.modules import syntax_tree
from safelrm.dag.registry import completed_settings
from safelrm.dag.settings import Study
from safelrm.dag.taught import selections_of, teaching_arms
from safelrm.judging.fields import JudgeField, judge_of
from safelrm.training.selection_settings import FilterEntry, SelectionSettings

# of a filter: the keys of its settings that name a judge
JUDGES = "JUDGES"
JUDGED = "safelrm.training.filters.judged"


def check_teachers(study: Study, file: str) -> None:
    """Make sure that data sets and selections have different names, and that every teacher can be made.

    Raises:
        SafeLRMError: a name stands for both, a teacher's arm has no recipe or its model no such decoding mode, or a
            teacher learns from its own responses.
    """
    for name in study.selections:
        if name in study.datasets:
            fix = "give the selection another name: `sft.<recipe>.dataset` may name either"
            raise SafeLRMError("is the name of a data set, too", file=file, key=f"selections.{name}", fix=fix)
    for name, distillation in study.distillations.items():
        teacher = distillation.teacher.checkpoint
        if teacher is None:
            continue
        key = f"distillations.{name}.teacher.checkpoint"
        modes = study.models[teacher.model].decodings
        if teacher.decoding is not None and teacher.decoding not in modes:
            problem = f"`{teacher.model}` has no decoding mode `{teacher.decoding}`"
            raise SafeLRMError(problem, file=file, key=f"{key}.decoding", fix=f"one of {sorted(modes)}")
        for arm in teaching_arms(teacher):
            recipes: Mapping[str, object] = getattr(study, arm.method)
            if arm.recipe not in recipes:
                problem, fix = f"`{arm.recipe}` is not a recipe of `{arm.method}`", f"one of {sorted(recipes)}"
                raise SafeLRMError(problem, file=file, key=f"{key}.arm", fix=fix)
            if missing := [mode for mode in getattr(recipes[arm.recipe], "decodings", ()) if mode not in modes]:
                problem = f"`{arm.name}` is trained in the decoding modes {missing}, which `{teacher.model}` has not"
                raise SafeLRMError(problem, file=file, key=f"{key}.arm", fix=f"let it have them beside {sorted(modes)}")
        if name in _learned_from(study, name, set()):
            fix = "let another arm teach"
            raise SafeLRMError("the teacher is trained on its own responses", file=file, key=f"{key}.arm", fix=fix)


def _learned_from(study: Study, distillation: str, seen: set[str]) -> set[str]:
    """The distillations that the teacher of one has learned from, directly or not."""
    teacher = study.distillations[distillation].teacher.checkpoint
    for arm in teaching_arms(teacher) if teacher else []:
        for name in selections_of(study, arm):
            found = study.selections[name].distillation
            if found not in seen:
                seen.add(found)
                _learned_from(study, found, seen)
    return seen


def with_selected_settings(study: Study, file: str) -> Study:
    """The study with complete settings of the modules that write, and of filters.

    Raises:
        SafeLRMError: a module does not exist, lacks what its kind must define, takes other settings, or names a judge
            or a field that is not there.
    """
    distillations = {}
    for name, entry in study.distillations.items():
        teacher, key = entry.teacher, f"distillations.{name}.teacher"
        if teacher.module:
            settings = completed_settings(teacher.module, teacher.settings, key, file, "write")
            teacher = teacher.model_copy(update={"settings": settings})
        distillations[name] = entry.model_copy(update={"teacher": teacher})
    selections = {}
    for name, selection in study.selections.items():
        filters = [
            _completed(study, entry, f"selections.{name}.filters.{place}", file)
            for place, entry in enumerate(selection.filters)
        ]
        for kind, best in selection.best.items():
            field_referred(study, best.judge, best.part, (kind,), file=file, key=f"selections.{name}.best")
        selections[name] = selection.model_copy(update={"filters": filters})
    return study.model_copy(update={"distillations": distillations, "selections": selections})


def _completed(study: Study, entry: FilterEntry, key: str, file: str) -> FilterEntry:
    settings = completed_settings(entry.module, entry.settings, key, file, "reasons")
    complete = entry.model_copy(update={"settings": settings})
    for setting, reference in named_judges(complete).items():
        at = f"{key}.settings.{setting}"
        judge = judge_of(reference)
        if judge not in study.judges:
            near = difflib.get_close_matches(judge, study.judges, n=1)
            fix = f"did you mean `{near[0]}`?" if near else f"add it to `judges`, which has {sorted(study.judges)}"
            raise SafeLRMError(f"`{judge}` is not in `judges`", file=file, key=at, fix=fix)
        field = field_referred(study, reference, str(settings.get("part", "y")), entry.kinds, file=file, key=at)
        if entry.module == JUDGED:
            _check_condition(settings, field, reference, file, key)
    return complete


def _check_condition(settings: Mapping[str, object], field: JudgeField, reference: str, file: str, key: str) -> None:
    """A judge gives the verdicts and the scores that a filter asks for."""
    if unknown := sorted(set(settings["verdicts"]) - set(field.verdicts)):
        problem, fix = f"`{reference}` never says {unknown}", f"name some of {field.verdicts}"
        raise SafeLRMError(problem, file=file, key=f"{key}.settings.verdicts", fix=fix)
    for bound in ("least", "most"):
        if settings[bound] is not None and field.score is None:
            fix = "ask for `verdicts`, or name a field that declares a score"
            raise SafeLRMError(f"`{reference}` gives no scores", file=file, key=f"{key}.settings.{bound}", fix=fix)


def named_judges(entry: FilterEntry) -> dict[str, str]:
    """The judges that a filter reads, by the key of its settings that names them.

    Raises:
        SafeLRMError: JUDGES of its module is no tuple of keys of the settings.
    """
    if not any(JUDGES in assigned_names(node) for node in syntax_tree(entry.module).body):
        return {}
    keys = declared(entry.module, JUDGES)
    if not isinstance(keys, list | tuple) or any(key not in entry.settings for key in keys):
        fix = f'name the keys of its settings that are judges: {JUDGES} = ("judge",)'
        raise SafeLRMError(f"{JUDGES} is {keys!r}", file=entry.module, key=JUDGES, fix=fix)
    return {key: str(entry.settings[key]) for key in keys if entry.settings[key]}


def asked_judges(selection: SelectionSettings) -> Iterator[str]:
    """The judges, or fields of judges, that filters of a selection and its `best` read, each once."""
    named = [reference for entry in selection.filters for reference in named_judges(entry).values()]
    return iter(dict.fromkeys([*named, *selection.judges]))

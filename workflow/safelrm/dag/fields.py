"""The fields of a study's judges: what each judge declares, and which field each part of the configuration means."""

import ast
from collections.abc import Collection, Iterator, Mapping

from pydantic import ValidationError

from safelrm.analysis.schemas import METRIC_NAMES
from safelrm.analysis.settings import SCORE, MetricSettings, ValidationJobSettings
from safelrm.core.cli import settings_error
from safelrm.core.errors import SafeLRMError
from safelrm.dag.modules import syntax_tree
from safelrm.dag.settings import Study
from safelrm.judging.fields import FIELDS, JudgeField, chosen_field, declared
from safelrm.judging.schemas import ANSWER, COMPLIANCE, CORRECT, INCORRECT, PARTS, REFUSAL, SAFE, UNSAFE

# what the verdicts of a field must be where the configuration names it, and which of them is counted
HEADLINE_VERDICTS: Mapping[str, tuple[str, str]] = {
    "metrics.safety_judge": (SAFE, UNSAFE),
    "metrics.refusal_judge": (REFUSAL, COMPLIANCE),
    "metrics.accuracy_judge": (CORRECT, INCORRECT),
    "calibration": (SAFE, UNSAFE),
}

# the parts that must be judged there
PARTS_OF_HEADLINES: Mapping[str, tuple[str, ...]] = {
    "metrics.safety_judge": PARTS,
    "metrics.refusal_judge": (ANSWER,),
    "metrics.accuracy_judge": (ANSWER,),
}
# judges whose settings may hold `parts` and `kinds`
SAY_WHAT_THEY_JUDGE = ("safelrm.judging.chat", "safelrm.judging.guard", "safelrm.judging.patterns")


def declared_fields(module: str, settings: Mapping[str, object], file: str, key: str) -> dict[str, JudgeField]:
    """The fields of a judge, by its module and its complete settings. The module is not imported.

    Raises:
        SafeLRMError: it declares none, or not as a field must be declared.
    """
    try:
        return declared(module, _literal(module), settings)
    except SafeLRMError as error:
        problem = f"the fields of `{module}`: {error.key}: {error.problem}"
        raise SafeLRMError(problem, file=file, key=key, fix=error.fix) from None


def with_judged_fields(study: Study, file: str) -> Study:
    """The study, after a check of every reference to a judge's field, with its own metrics written out.

    Raises:
        SafeLRMError: a judge declares no fields, a reference names none or one of several of a judge, or a field has
            other verdicts than are needed there.
    """
    fields = fields_of_judges(study, file)
    for key, reference, needed in _headlines(study):
        _require_verdicts(_referred(fields, reference, file, key), needed, reference, file, key)
        if key in PARTS_OF_HEADLINES:
            _require_judged(study, reference, "parts", PARTS_OF_HEADLINES[key], file=file, key=key)
    for name in study.validation:
        validation_settings(study, name, file)
    if study.metrics is None:
        return study
    if language := study.metrics.language_judge:
        _referred(fields, language, file, "metrics.language_judge")
    more = {
        name: _completed(metric, name, _referred(fields, metric.judge, file, f"metrics.more.{name}.judge"), file)
        for name, metric in study.metrics.more.items()
    }
    for name, metric in more.items():
        for what in ("parts", "kinds"):
            key = f"metrics.more.{name}.{what}"
            _require_judged(study, metric.judge, what, getattr(metric, what) or (), file=file, key=key)
    return study.model_copy(update={"metrics": study.metrics.model_copy(update={"more": more})})


def fields_of_judges(study: Study, file: str) -> dict[str, dict[str, JudgeField]]:
    """The fields of every judge of a study.

    Raises:
        SafeLRMError: a judge declares none, or not as a field must be declared.
    """
    return {
        name: declared_fields(judge.module, judge.settings, file, f"judges.{name}")
        for name, judge in study.judges.items()
    }


def validation_settings(study: Study, name: str, file: str) -> ValidationJobSettings:
    """What the command `validate` is told of a validation, with the fields that it compares.

    Raises:
        SafeLRMError: a judge has no such field, its verdicts are not those of the labels, or the study has no arm whose
            rollouts the reference would judge.
    """
    entry, key = study.validation[name], f"validation.{name}"
    if entry.reference and not study.arms:
        problem, fix = "the study has no arms, whose rollouts a reference judges", "add `arms`, or give `labelled`"
        raise SafeLRMError(problem, file=file, key=f"{key}.reference", fix=fix)
    fields = fields_of_judges(study, file)
    found = {reference: _referred(fields, reference, file, key) for reference in entry.compared}
    for reference in entry.compared:
        _require_judged(study, reference, "parts", entry.parts, file=file, key=f"{key}.parts")
    try:
        return ValidationJobSettings.model_validate({**entry.model_dump(), "fields": found})
    except ValidationError as error:
        fault = settings_error(error, file)
        fix = "name judges or fields of the labels' verdicts, or say in `labels` which verdict each label stands for"
        raise SafeLRMError(fault.problem, file=file, key=key, fix=fix) from None


def field_referred(
    study: Study, reference: str, part: str, kinds: Collection[str], *, file: str, key: str
) -> JudgeField:
    """The field that a reference to a judge names, whose judge judges a part of samples of some kinds of prompts.

    Raises:
        SafeLRMError: the judge has no such field, gives several of which none is named, or does not judge the part or
            the kinds.
    """
    judge = chosen_field(reference)[0]
    entry = study.judges[judge]
    of_judge = declared_fields(entry.module, entry.settings, file, f"judges.{judge}")
    field = _referred({judge: of_judge}, reference, file, key)
    for what, needed in (("parts", (part,)), ("kinds", kinds)):
        _require_judged(study, reference, what, needed, file=file, key=key)
    return field


def _require_judged(study: Study, reference: str, what: str, needed: Collection[str], *, file: str, key: str) -> None:
    """Make sure that a judge whose settings say which `parts` or `kinds` it judges, judges those that are needed.

    Raises:
        SafeLRMError: it does not. Without this check, only the jobs after the judge's would say so.
    """
    judge = chosen_field(reference)[0]
    entry = study.judges[judge]
    judged = entry.settings.get(what) if entry.module in SAY_WHAT_THEY_JUDGE else None
    if judged is not None and (lacking := [one for one in needed if one not in judged]):
        problem, fix = f"`{judge}` does not judge {what} {lacking}", f"add them to `judges.{judge}.settings.{what}`"
        raise SafeLRMError(problem, file=file, key=key, fix=f"{fix}, or name another judge")


def _headlines(study: Study) -> Iterator[tuple[str, str, tuple[str, str]]]:
    """Every reference to a field whose verdicts are given, with its key and these verdicts."""
    if study.metrics:
        for name in ("safety_judge", "refusal_judge", "accuracy_judge"):
            key = f"metrics.{name}"
            yield key, getattr(study.metrics, name), HEADLINE_VERDICTS[key]
    if study.calibration:
        for reference in (study.calibration.reference, *study.calibration.judges):
            yield "calibration", reference, HEADLINE_VERDICTS["calibration"]


def _referred(fields: Mapping[str, Mapping[str, JudgeField]], reference: str, file: str, key: str) -> JudgeField:
    """The field that a reference to a judge names."""
    judge, name = chosen_field(reference)
    return _field(fields[judge], name, judge, file, key)


def _field(of_judge: Mapping[str, JudgeField], name: str | None, judge: str, file: str, key: str) -> JudgeField:
    """The named field of a judge, or its only one."""
    if name is None and len(of_judge) == 1:
        return next(iter(of_judge.values()))
    if name not in of_judge:
        problem = f"`{judge}` gives several fields" if name is None else f"`{judge}` gives no field `{name}`"
        fix = f"name one of its fields: {[f'{judge}.{field}' for field in of_judge]}"
        raise SafeLRMError(problem, file=file, key=key, fix=fix)
    return of_judge[name]


def _require_verdicts(field: JudgeField, needed: tuple[str, str], reference: str, file: str, key: str) -> None:
    if set(field.verdicts) != set(needed) or field.counts != needed[0]:
        raise SafeLRMError(
            f"`{reference}` says {field.verdicts} and counts `{field.counts}`; needed are {list(needed)}, of which"
            f" `{needed[0]}` counts",
            file=file,
            key=key,
            fix="name another judge or field, or let this one declare these verdicts",
        )


def _completed(metric: MetricSettings, name: str, field: JudgeField, file: str) -> MetricSettings:
    """A metric with the verdict that it is about, and its direction."""
    key = f"metrics.more.{name}"
    if name in METRIC_NAMES:
        raise SafeLRMError("is the name of a metric of every study", file=file, key=key, fix="choose another name")
    verdict = field.score if metric.value == SCORE else metric.verdict or field.counts
    if verdict is None:
        problem, fix = f"`{metric.judge}` gives no scores", "leave out `value`, or name a field that declares a score"
        raise SafeLRMError(problem, file=file, key=f"{key}.value", fix=fix)
    if verdict not in field.verdicts or (metric.value == SCORE and metric.verdict not in {None, verdict}):
        problem = f"`{metric.verdict}` is not what `{metric.judge}` gives a {metric.value} of"
        fix = f"leave it out, or name one of {field.verdicts}" if metric.value != SCORE else "leave it out"
        raise SafeLRMError(problem, file=file, key=f"{key}.verdict", fix=fix)
    direction = metric.direction or field.better(verdict)
    return metric.model_copy(update={"verdict": verdict, "direction": direction})


def _literal(module: str) -> object:
    """The value of the module's `FIELDS`; None if it has none.

    Raises:
        SafeLRMError: it is not a literal.
    """
    for node in syntax_tree(module).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and FIELDS in _targets(node):
            try:
                return ast.literal_eval(node.value)
            except ValueError:
                raise SafeLRMError("is not a literal", key=FIELDS, fix="write its texts out") from None
    return None


def _targets(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}

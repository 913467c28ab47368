"""Which judges, guards and models a job of the study reads. A configuration may stand on one that names others."""

from collections.abc import Iterator

from safelrm.analysis.settings import judges_of_metrics
from safelrm.dag.declarations import declared_inputs
from safelrm.dag.reports import input_files, pattern_judges, shown
from safelrm.dag.selections import asked_judges
from safelrm.dag.settings import Study
from safelrm.dag.stages.judging import monitor_files
from safelrm.dag.taught import candidates_of, taught_arms, used_distillations, used_selections
from safelrm.judging.fields import judge_of


def used_judges(study: Study) -> set[str]:
    """The judges whose verdicts a job of the study reads."""
    return {*map(judge_of, _judges(study))}


def used_models(study: Study) -> set[str]:
    """The models and guards that a job of the study reads, by name."""
    asked = [study.judges[name] for name in used_judges(study)]
    found = {judge.guard or judge.model for judge in asked} - {None}
    for arm in taught_arms(study):
        recipe, candidates = study.recipe(arm), candidates_of(study, arm)
        found |= {arm.model, *(recipe.read_guards if recipe else ())}
        found |= {*(study.candidates[candidates].guards if candidates else ())}
    teachers = [study.distillations[name].teacher.checkpoint for name in used_distillations(study)]
    found |= {teacher.model for teacher in teachers if teacher}
    found |= {*(study.memorisation.models if study.memorisation else ())}
    return found | ({study.trajectories.guard} if study.trajectories else set())


def _judges(study: Study) -> Iterator[str]:
    """Each judge, or field of a judge, by what reads its verdicts."""
    for name in used_selections(study):
        yield from asked_judges(study.selections[name])
    for validation in study.validation.values():
        yield from validation.compared
    if monitor_files(study):
        yield from study.monitor.judges
    if not study.arms:
        return
    if study.metrics:
        yield from judges_of_metrics(study.metrics)
    if study.calibration:
        yield from (study.calibration.reference, *study.calibration.judges)
    for analysis in study.analyses.values():
        yield from analysis.judges
    for entries in (study.tables, study.figures):
        for entry in shown(study, entries).values():
            inputs = declared_inputs(entry.module, [*input_files(study)])
            yield from study.judges if "verdicts" in inputs else ()
            yield from pattern_judges(study) if "pattern_verdicts" in inputs else ()

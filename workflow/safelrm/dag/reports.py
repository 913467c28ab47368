"""The inputs of figures, tables and trace analyses, and which of them a study has something to show in."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from safelrm.analysis.settings import AnalysisEntry
from safelrm.core.errors import SafeLRMError
from safelrm.dag.built_in import built_in_note
from safelrm.dag.declarations import declared_caption, declared_inputs, declared_measures, has_something_to_show
from safelrm.dag.entropies import ENTROPY_TABLES, entropy_files
from safelrm.dag.fields import fields_of_judges
from safelrm.dag.paths import (
    curve_file,
    distilled_verdicts,
    min_k_file,
    outcomes_file,
    result_file,
    rollouts_file,
    trajectory_file,
)
from safelrm.dag.protocol import protocol
from safelrm.dag.settings import Study
from safelrm.dag.stages.judging import monitor_files, probes_files, verdict_files
from safelrm.dag.taught import used_distillations, used_selections
from safelrm.judging.pattern_flags import FLAGS
from safelrm.reporting.outline import ModelOutline, StudyOutline
from safelrm.reporting.settings import ReportEntry

# what an analysis may be given
OF_ANALYSES = ("rollouts", "verdicts", "checkpoints", "decodings")
# inputs that are not published: texts, and what lies outside the study's results
UNPUBLISHED = ("rollouts", "curves", "probes", "selections")


# inputs that some studies do not have
FOR_SOME = (
    "metrics",
    "seeds",
    "differences",
    "calibration",
    "measures",
    "probes",
    "probe_verdicts",
    "min_k",
    "memorisation",
    "trajectories",
    *ENTROPY_TABLES,
    "pattern_verdicts",
    "selections",
)


def outline(study: Study) -> StudyOutline:
    """What a figure or a table may ask of a study."""
    # the base with an intervention is no base to compare with
    plain = [arm for arm in study.arms if arm.method != "base" or arm.intervention is None]
    models = {
        name: ModelOutline(
            name=name,
            methods=frozenset(arm.method for arm in plain if arm.model == name),
            arms=tuple(dict.fromkeys(arm.name for arm in study.arms if arm.model == name)),
            decodings=tuple(study.models[name].decodings),
        )
        for name in study.compared_models()
    }
    kinds = {entry.name: study.kind_of(entry.dataset) for entry in study.benchmarks}
    return StudyOutline(
        models=tuple(models.values()),
        reference_model=models.get(study.metrics.reference_model) if study.metrics else None,
        benchmarks={name: None if kind is None else str(kind) for name, kind in kinds.items()},
        judges=tuple(study.judges),
        analyses=tuple(study.analyses),
        calibrated=study.calibration is not None,
        memorised=study.memorisation is not None,
        trajectories=study.trajectories is not None,
        uncertain=study.entropies is not None,
        monitored=tuple(name for name in models if study.monitor and probes_files(study, name)),
        pattern_judges=pattern_judges(study),
    )


def shown(study: Study, entries: Mapping[str, ReportEntry]) -> dict[str, ReportEntry]:
    """The figures or tables that a study has something to show in."""
    if not study.arms:
        return {}
    said = outline(study)
    return {name: entry for name, entry in entries.items() if has_something_to_show(entry.module, said)}


def input_files(study: Study) -> dict[str, list[str]]:
    """The files behind each input that a figure or a table may declare."""
    files = {
        name: [result_file(study.name, f"{name}.parquet")]
        for name, is_made in {
            "metrics": study.metrics is not None,
            "seeds": study.metrics is not None,
            "differences": study.metrics is not None,
            "samples": True,
            "calibration": study.calibration is not None,
            "measures": bool(study.analyses),
            "memorisation": study.memorisation is not None,
        }.items()
        if is_made
    }
    of_some = {
        "probes": [path for model in study.compared_models() for path in probes_files(study, model)],
        "probe_verdicts": monitor_files(study),
        "pattern_verdicts": [
            distilled_verdicts(study.name, judge, name)
            for judge in pattern_judges(study)
            for name in used_distillations(study)
        ],
        # students of the others do not see the traces that judges have read
        "selections": [
            outcomes_file(name) for name in used_selections(study) if study.selections[name].traces == "kept"
        ],
        "min_k": [min_k_file(study.name, model) for model in study.memorisation.models] if study.memorisation else [],
        "trajectories": [
            trajectory_file(study.name, model) for model in (study.trajectories.models if study.trajectories else ())
        ],
        **{table: entropy_files(study, table) for table in ENTROPY_TABLES},
    }
    files |= {name: paths for name, paths in of_some.items() if paths}
    return files | {
        "verdicts": verdict_files(study, study.judges),
        "rollouts": [rollouts_file(*run) for run in study.runs()],
        "curves": list(dict.fromkeys(curve_file(*run) for run in study.runs())),
        **{f"analyses.{name}": analysis_files(study, [name]) for name in study.analyses},
    }


def pattern_judges(study: Study) -> tuple[str, ...]:
    """The judges of risky patterns, if a job of the study reads selections of distillations."""
    if not used_selections(study):
        return ()
    fields = fields_of_judges(study, "the configuration")
    return tuple(name for name, of_judge in fields.items() if {*FLAGS} <= {*of_judge})


def analysis_files(study: Study, names: list[str]) -> list[str]:
    """What analyses say of every model that a study compares."""
    models = study.compared_models()
    return [result_file(study.name, f"analyses/{name}/{model}.parquet") for name in names for model in models]


def is_published(inputs: Iterable[str]) -> bool:
    """Whether a clone with published results has the inputs, or can make them."""
    return not set(inputs) & set(UNPUBLISHED)


def caption(study: Study, entry: ReportEntry) -> str:
    """The caption of a figure or table, with the settings of metrics that it names, and what holds for the study."""
    declared = declared_caption(entry.module, study.metrics.model_dump() if study.metrics else {})
    return "\n\n".join(filter(None, (declared, built_in_note(study), protocol(study))))


def check_reports(study: Study, file: str) -> None:
    """Make sure that figures, tables and trace analyses can be made from what they declare.

    Raises:
        SafeLRMError: a declaration is at fault.
    """
    known = [*input_files(study)]
    for section in ("tables", "figures"):
        entries = getattr(study, section)
        to_show = shown(study, entries)
        for name, entry in entries.items():
            with _named(f"{file}: {section}.{name}", entry.module):
                if name in to_show:
                    caption(study, entry)
                declared_inputs(entry.module, known if name in to_show else [*known, *FOR_SOME])
    for name, analysis in study.analyses.items():
        with _named(f"{file}: analyses.{name}", analysis.module):
            declared_measures(analysis.module)
            _check_inputs_of(analysis)


@contextmanager
def _named(key: str, module: str) -> Iterator[None]:
    """Adds the key that names a module to an error about the module."""
    try:
        yield
    except SafeLRMError as error:
        raise SafeLRMError(error.problem, file=f"{key}: {module}", key=error.key, fix=error.fix) from error


def _check_inputs_of(entry: AnalysisEntry) -> None:
    takes = declared_inputs(entry.module, OF_ANALYSES)
    if "rollouts" not in takes:
        raise SafeLRMError("INPUTS lack `rollouts`", key="INPUTS", fix="an analysis is about rollouts: add them")
    if "verdicts" in takes and not entry.judges:
        raise SafeLRMError("asks for verdicts", key="judges", fix="name the judges whose verdicts it reads")
    if entry.judges and "verdicts" not in takes:
        raise SafeLRMError("asks for no verdicts", key="judges", fix="remove `judges`")

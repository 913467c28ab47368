"""Names that one section of a configuration takes from another."""

import difflib
from collections.abc import Iterator

from safelrm.analysis.settings import headline_judges
from safelrm.core.errors import SafeLRMError
from safelrm.dag.settings import Study
from safelrm.judging.fields import judge_of


def check_names(study: Study, file: str) -> None:
    """Make sure that every name that one section takes from another is there.

    Raises:
        SafeLRMError: a name is not.
    """
    for key, name, title in _references(study):
        section = [entry.name for entry in study.benchmarks] if title == "benchmarks" else getattr(study, title)
        if name is not None and name not in section:
            near = difflib.get_close_matches(name, section, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"add it to `{title}`, which has {sorted(section)}"
            raise SafeLRMError(f"`{name}` is not in `{title}`", file=file, key=key, fix=hint)


def _references(study: Study) -> Iterator[tuple[str, str | None, str]]:
    """Every key that names an entry of another section, with the name and the section."""
    yield from ((f"benchmarks.{place}", entry.dataset, "datasets") for place, entry in enumerate(study.benchmarks))
    yield from (("arms", arm.model, "models") for arm in study.arms)
    yield from ((f"arms.{place}.with", arm.intervention, "interventions") for place, arm in enumerate(study.arms))
    for section in ("models", "guards"):
        for name, made in getattr(study, section).items():
            yield from ((f"{section}.{name}.inputs", given, "datasets") for given in made.inputs.values())
    for name, sft in study.sft.items():
        key = "mixture" if sft.mixture else "dataset"
        at = f"sft.{name}.{key}"
        yield from ((at, given, "selections" if given in study.selections else "datasets") for given in sft.datasets)
        yield f"sft.{name}.candidates", sft.candidates, "candidates"
    yield from ((f"dpo.{name}.candidates", dpo.candidates, "candidates") for name, dpo in study.dpo.items())
    for name, candidates in study.candidates.items():
        yield from ((f"candidates.{name}.prompts", dataset, "datasets") for dataset in candidates.prompts)
        yield from ((f"candidates.{name}.rewards", guard, "guards") for guard in candidates.guards)
    yield from _references_of_distillations(study)
    for name, rl in study.rl.items():
        yield from ((f"rl.{name}.prompts", share.dataset, "datasets") for share in rl.prompts)
        yield from ((f"rl.{name}.rewards", guard, "guards") for guard in rl.guards)
    for name, judge in study.judges.items():
        yield f"judges.{name}.guard", judge.guard, "guards"
        yield f"judges.{name}.model", judge.model, "guards" if judge.model in study.guards else "models"
    yield from _references_of_curation(study)
    yield from _references_of_probes(study)
    yield from _references_of_classifiers(study)
    yield from _references_of_memorisation(study)
    yield from _references_of_trajectories(study)
    yield from _references_of_entropies(study)
    for name, validation in study.validation.items():
        yield from ((f"validation.{name}.labelled", given, "datasets") for given in validation.labelled)
        yield from ((f"validation.{name}", judge_of(given), "judges") for given in validation.compared)
    if study.metrics:
        yield from ((f"metrics.{key}", judge_of(judge), "judges") for key, judge in headline_judges(study.metrics))
        for name, metric in study.metrics.more.items():
            yield f"metrics.more.{name}.judge", judge_of(metric.judge), "judges"
        yield "metrics.reference_model", study.metrics.reference_model, "models"
        yield "metrics.safety_benchmark", study.metrics.safety_benchmark, "benchmarks"
    if study.calibration:
        yield "calibration.reference", judge_of(study.calibration.reference), "judges"
        yield from (("calibration.judges", judge_of(name), "judges") for name in study.calibration.judges)
    for name, analysis in study.analyses.items():
        yield from ((f"analyses.{name}.judges", judge, "judges") for judge in analysis.judges)
    if study.audit:
        yield from _references_of_audit(study)


def _references_of_audit(study: Study) -> Iterator[tuple[str, str | None, str]]:
    """Every key of the audit that names a data set, a selection or a benchmark."""
    benchmarks = {entry.name for entry in study.benchmarks}
    for name in study.audit.train:
        yield "audit.train", name, "selections" if name in study.selections else "datasets"
    yield from (("audit.tune", name, "datasets") for name in study.audit.tune)
    yield from (("audit.evaluation", name, "datasets") for name in study.audit.evaluation if name not in benchmarks)


def _references_of_distillations(study: Study) -> Iterator[tuple[str, str | None, str]]:
    """Every key of distillations and selections that names prompts, a model, a distillation or a judge."""
    for name, distillation in study.distillations.items():
        yield from ((f"distillations.{name}.prompts", dataset, "datasets") for dataset in distillation.prompts)
        if checkpoint := distillation.teacher.checkpoint:
            yield f"distillations.{name}.teacher.checkpoint.model", checkpoint.model, "models"
    for name, selection in study.selections.items():
        yield f"selections.{name}.distillation", selection.distillation, "distillations"
        yield from ((f"selections.{name}.best", judge_of(judge), "judges") for judge in selection.judges)


def _references_of_curation(study: Study) -> Iterator[tuple[str, str | None, str]]:
    """Every key that names a data set which another is made from or compared with."""
    for name, entry in study.datasets.items():
        yield from ((f"datasets.{name}.settings", origin, "datasets") for origin in entry.origins)
    for name in study.curation.datasets if study.curation else ():
        yield "curation.datasets", name, "selections" if name in study.selections else "datasets"


def _references_of_probes(study: Study) -> Iterator[tuple[str, str | None, str]]:
    """Every key of the probes of recipes, or of their monitor, that names prompts, a guard or a judge."""
    yield from (("monitor.judges", name, "judges") for name in (study.monitor.judges if study.monitor else ()))
    for section in ("sft", "dpo", "rl"):
        for name, recipe in getattr(study, section).items():
            yield from ((f"{section}.{name}.probe.prompts", given, "datasets") for given in recipe.probed)
            yield from ((f"{section}.{name}.probe.rewards", guard, "guards") for guard in recipe.read_guards)


def _references_of_classifiers(study: Study) -> Iterator[tuple[str, str | None, str]]:
    """Every key that names a classifier, or what a classifier learns from."""
    yield from ((f"judges.{name}.classifier", judge.classifier, "classifiers") for name, judge in study.judges.items())
    for name, classifier in study.classifiers.items():
        yield from ((f"classifiers.{name}.labelled", given, "datasets") for given in classifier.labelled)


def _references_of_memorisation(study: Study) -> Iterator[tuple[str, str | None, str]]:
    """Every key that names a base whose memory is measured, or a data set that it reads."""
    if (asked := study.memorisation) is None:
        return
    yield from (("memorisation.models", name, "models") for name in asked.models)
    named = [("datasets", name) for name in asked.datasets]
    for model, known in asked.known.items():
        named += [(f"known.{model}.{side}", name) for side in ("members", "others") for name in getattr(known, side)]
    for key, name in named:
        yield f"memorisation.{key}", name, "selections" if name in study.selections else "datasets"


def _references_of_trajectories(study: Study) -> Iterator[tuple[str, str | None, str]]:
    """Every key that names a guard which reads traces, a model that has written them, or their prompts."""
    if (asked := study.trajectories) is None:
        return
    yield "trajectories.guard", asked.guard, "guards"
    yield from (("trajectories.models", name, "models") for name in asked.models)
    yield from (("trajectories.benchmarks", name, "benchmarks") for name in asked.benchmarks)


def _references_of_entropies(study: Study) -> Iterator[tuple[str, str | None, str]]:
    """Every key that names samples whose entropies are taken, or a model that they are of."""
    if study.entropies:
        yield from (("entropies.benchmarks", name, "benchmarks") for name in study.entropies.benchmarks)
        yield from (("entropies.models", name, "models") for name in study.entropies.models or ())

"""What claims name: arms, benchmarks, metrics and others, checked when the configuration is read."""

import difflib
from collections.abc import Iterable, Iterator

from safelrm.analysis.claims_settings import OF_ANALYSES, SPREAD, ClaimSettings, ClaimSide
from safelrm.analysis.layout import BASE
from safelrm.analysis.schemas import (
    ACCURACY,
    BROKEN,
    ESCAPE,
    LEAK,
    METRIC_NAMES,
    OVER_REFUSAL,
    REFUSAL,
    SAFETY,
    SAFETY_SCORE,
    SAFETY_SO_FAR,
)
from safelrm.core.errors import SafeLRMError
from safelrm.dag.declarations import declared_measures
from safelrm.dag.settings import Study
from safelrm.data.schemas import BENIGN, HARMFUL, REASONING

# the kind of prompts that a metric is measured on; the others are measured on all
KIND_OF = {
    **dict.fromkeys((SAFETY, SAFETY_SCORE, SAFETY_SO_FAR, LEAK, ESCAPE, BROKEN, REFUSAL), HARMFUL),
    OVER_REFUSAL: BENIGN,
    ACCURACY: REASONING,
}
# key, name, what it is, the known names
Reference = tuple[str, str, str, Iterable[str]]


def check_claims(study: Study, file: str) -> None:
    """Make sure that all that claims name is there.

    Raises:
        SafeLRMError: a name is not, a metric is not measured on a benchmark's prompts, or the study has no numbers.
    """
    if study.claims and not (study.metrics and study.arms):
        fix = "add `arms` and `metrics`, or leave `claims` out"
        raise SafeLRMError("there are claims, and no numbers", file=file, key="claims", fix=fix)
    for name, claim in study.claims.items():
        for key, named, what, known in _references(study, claim):
            if named not in (known := [*known]):
                near = difflib.get_close_matches(named, known, n=3)
                hint = f"did you mean {' or '.join(f'`{one}`' for one in near)}?" if near else f"one of {known}"
                raise SafeLRMError(f"`{named}` is no {what}", file=file, key=f"claims.{name}.{key}", fix=hint)
        _check_kinds(study, claim, f"claims.{name}", file)


def _references(study: Study, claim: ClaimSettings) -> Iterator[Reference]:
    """Everything that a claim names. What a later name is looked up by comes first."""
    benchmarks = [entry.name for entry in study.benchmarks]
    yield "metric", claim.metric, "metric of this study", _metrics(study)
    yield from (("benchmarks", name, "benchmark", benchmarks) for name in claim.benchmarks)
    yield from (("models", name, "model that has arms", study.compared_models()) for name in claim.models)
    for key, side in _sides(claim):
        yield from ((f"{key}.benchmarks", name, "benchmark", benchmarks) for name in side.benchmarks)
        if side.model:
            yield f"{key}.model", side.model, "model that has arms", study.compared_models()
        for model in [side.model] if side.model else claim.models:
            arms = list(dict.fromkeys(arm.name for arm in study.arms if arm.model == model))
            yield f"{key}.arm", side.arm, f"arm of `{model}`", arms
            if claim.kind == SPREAD:
                yield key, BASE, f"arm of `{model}`, and gains are over the base", arms
            if side.decoding:
                yield f"{key}.decoding", side.decoding, f"decoding mode of `{model}`", study.models[model].decodings


def _sides(claim: ClaimSettings) -> Iterator[tuple[str, ClaimSide]]:
    """The sides of a claim with their keys."""
    yield from zip(("side", "against", "less.side", "less.against"), claim.sides, strict=False)


def _metrics(study: Study) -> list[str]:
    of_analyses = [
        f"{OF_ANALYSES}{name}.{measure}"
        for name, entry in study.analyses.items()
        for measure in declared_measures(entry.module)
    ]
    return [*METRIC_NAMES, *(study.metrics.more if study.metrics else ()), *of_analyses]


def _check_kinds(study: Study, claim: ClaimSettings, key: str, file: str) -> None:
    """A benchmark holds prompts of the kind that the metric is measured on, where the kind is known."""
    own = study.metrics.more.get(claim.metric)
    wanted = own.kinds if own else [KIND_OF[claim.metric]] if claim.metric in KIND_OF else None
    kinds = {entry.name: study.kind_of(entry.dataset) for entry in study.benchmarks}
    named = [*claim.benchmarks, *(name for side in claim.sides for name in side.benchmarks)]
    for name in named if wanted else ():
        if kinds[name] is not None and kinds[name] not in wanted:
            fitting = [other for other, kind in kinds.items() if kind is None or kind in wanted]
            raise SafeLRMError(
                f"`{claim.metric}` is measured on {' and '.join(wanted)} prompts, and those of `{name}` are"
                f" {kinds[name]}",
                file=file,
                key=f"{key}.benchmarks",
                fix=f"name some of {fitting}",
            )

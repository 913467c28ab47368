"""The effects that claims are about: which means they are made of, and what the samples give.

Each effect is a contrast of means (`safelrm.analysis.contrasts`). A claim that stands for several models has one for
each of them. t+y of a run without trace is its answer, as in `compare`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from safelrm.analysis.claims_settings import (
    DIFFERENCE,
    GAINS,
    OF_ANALYSES,
    SPREAD,
    ClaimSettings,
    ClaimSide,
    ClaimsJobSettings,
)
from safelrm.analysis.contrasts import Cell, Contrast, Function, contrast, difference_of_spreads, linear
from safelrm.analysis.intervals import Observations
from safelrm.analysis.layout import BASE
from safelrm.analysis.outcomes import COLUMNS
from safelrm.analysis.schemas import LEAST, RATES, WHOLE
from safelrm.analysis.settings import RATE
from safelrm.core.arms import plain_arm
from safelrm.core.errors import SafeLRMError
from safelrm.judging.schemas import ANSWER, BOTH, TRACE

# weights of the sides of a claim, in order
WEIGHTS = {DIFFERENCE: (1.0, -1.0), GAINS: (1.0, -1.0, -1.0, 1.0)}
TEXTS = {DIFFERENCE: "{} less {}", GAINS: "({} less {}) less ({} less {})"}


@dataclass(frozen=True)
class Mean:
    """A mean that an effect is made of: of an arm in one decoding mode, on one benchmark and one part."""

    model: str
    arm: str
    decoding: str
    part: str
    benchmark: str


@dataclass(frozen=True)
class Effect:
    """What a test of a claim is about.

    Attributes:
        model: the model that the claim's `models` name; "-" if there is no such one.
        text: the effect, in words.
        means: what it is made of.
        of: how it is made of these.
    """

    model: str
    text: str
    means: tuple[Mean, ...]
    of: Function


@dataclass(frozen=True)
class Found:
    """What the samples give of an effect.

    Attributes:
        estimate: the effect; None without numbers.
        seeds: of the trained arm that has the fewest; None if no arm is trained.
        prompts, left_out: the prompts that all means have scored samples of, and the others.
        reason: why it cannot be tested; empty if it can be.
    """

    estimate: Contrast | None
    seeds: int | None
    prompts: int
    left_out: int
    reason: str


def measured_values(analyses: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of ANALYSES in the form of outcomes: the metric is `analyses.<name>.<measure>`."""
    rows = [
        table.assign(metric=OF_ANALYSES + table.analysis + "." + table.measure, judge=WHOLE)[COLUMNS]
        for table in analyses
    ]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=COLUMNS)


def reach(claim: ClaimSettings, settings: ClaimsJobSettings) -> float | None:
    """How far from 0 the effect can be if the metric is a rate; None for other metrics, and for spreads."""
    own = settings.more.get(claim.metric)
    is_rate = claim.metric in RATES if own is None else own.value == RATE
    return sum(weight for weight in WEIGHTS[claim.kind] if weight > 0) if is_rate and claim.kind != SPREAD else None


def part_of(claim: ClaimSettings, values: pd.DataFrame) -> str:
    """The part that a claim is about: its own, t+y, or the only one that its metric has.

    Raises:
        SafeLRMError: the metric has several parts, and t+y is none of them.
    """
    parts = sorted(values[values.metric == claim.metric].part.unique())
    if claim.part or BOTH in parts:
        return claim.part or BOTH
    if len(parts) > 1:
        raise SafeLRMError(f"`{claim.metric}` has the parts {parts}", key="claims", fix=f"give `part`: {claim.says}")
    return parts[0] if parts else WHOLE


def effects(claim: ClaimSettings, settings: ClaimsJobSettings, part: str) -> Iterator[Effect]:
    """The effects that a claim is about, in the order of its models."""
    if claim.kind == SPREAD:
        yield _spread(claim, settings, part)
        return
    for model in claim.models or [WHOLE]:
        expanded = [_means(side, model, claim, settings, part) for side in claim.sides]
        weights = [
            weight / len(means) for weight, means in zip(WEIGHTS[claim.kind], expanded, strict=True) for _ in means
        ]
        names = [_text(means[0], claim, settings, part) for means in expanded]
        text = TEXTS[claim.kind].format(*names)
        yield Effect(model, text, tuple(mean for means in expanded for mean in means), linear(weights))


def found_in(effect: Effect, claim: ClaimSettings, values: pd.DataFrame) -> Found:
    """What the samples give of an effect.

    Args:
        effect: the effect.
        claim: the claim that it is of.
        values: outcomes, and what trace analyses measured, of every run.
    """
    of_metric = values[values.metric == claim.metric]
    if claim.category is not None:
        of_metric = of_metric[of_metric.category == claim.category]
    tables = [rows_of(mean, of_metric) for mean in effect.means]
    scored = [table[table.value.notna()] for table in tables]
    asked = len({key for mean, table in zip(effect.means, tables, strict=True) for key in _prompts(mean, table)})
    lacking = [mean for mean, table in zip(effect.means, scored, strict=True) if table.empty]
    seeds = [
        table.seed.nunique() for mean, table in zip(effect.means, scored, strict=True) if plain_arm(mean.arm) != BASE
    ]
    fewest = min(seeds, default=None)
    if lacking:
        first = lacking[0]
        said = f"no scored samples of {first.model} {first.arm} ({first.decoding}) on {first.benchmark}"
        return Found(None, fewest or None, 0, asked, said)
    cells = [
        Cell((mean.model, plain_arm(mean.arm)), mean.benchmark, _observations(table))
        for mean, table in zip(effect.means, scored, strict=True)
    ]
    estimate = contrast(cells, effect.of)
    if estimate is None:
        return Found(None, fewest, 0, asked, "the sides have no scored prompt in common")
    reason = ""
    if estimate.fewest < LEAST:
        reason = f"{estimate.fewest} prompts are fewer than {LEAST}"
    elif fewest == 1:
        reason = "one training says nothing about others"
    return Found(estimate, fewest, estimate.prompts, asked - estimate.prompts, reason)


def rows_of(mean: Mean, values: pd.DataFrame) -> pd.DataFrame:
    """The values that a mean is over. t+y of a run without trace is its answer.

    Args:
        mean: the mean.
        values: values of the claim's metric.
    """
    rows = values[
        (values.model == mean.model)
        & (values.arm == mean.arm)
        & (values.decoding == mean.decoding)
        & (values.benchmark == mean.benchmark)
    ]
    trace = rows[rows.part == TRACE]
    has_no_trace = len(trace) > 0 and trace.value.isna().all()
    return rows[rows.part == (ANSWER if mean.part == BOTH and has_no_trace else mean.part)]


def _means(side: ClaimSide, model: str, claim: ClaimSettings, settings: ClaimsJobSettings, part: str) -> list[Mean]:
    name = side.model or model
    decoding = side.decoding or _modes(settings)[name][0]
    return [
        Mean(name, side.arm, decoding, side.part or part, benchmark)
        for benchmark in side.benchmarks or claim.benchmarks
    ]


def _spread(claim: ClaimSettings, settings: ClaimsJobSettings, part: str) -> Effect:
    """The effect of a claim about spreads: means of groups, and of places within them."""
    by_models = claim.over == "models"
    groups, places = (claim.benchmarks, claim.models) if by_models else (claim.models, claim.benchmarks)
    means = []
    for arm in (claim.side.arm, claim.against.arm, BASE):
        for group in groups:
            for place in places:
                model, benchmark = (place, group) if by_models else (group, place)
                means.append(Mean(model, arm, _modes(settings)[model][0], part, benchmark))
    text = (
        f"spread over {claim.over} of the gains of {claim.side.arm} less that of {claim.against.arm}"
        f" ({', '.join(claim.models)})"
    )
    return Effect(WHOLE, text, tuple(means), difference_of_spreads((len(groups), len(places))))


def _modes(settings: ClaimsJobSettings) -> dict[str, list[str]]:
    return {model.name: model.decodings for model in settings.models}


def _text(mean: Mean, claim: ClaimSettings, settings: ClaimsJobSettings, part: str) -> str:
    """A side in words: its mode only if the model has several, its part and benchmarks only if they are its own."""
    side = f"{mean.model} {mean.arm}"
    if len(_modes(settings)[mean.model]) > 1:
        side += f" {mean.decoding}"
    if mean.part != part or all(other.part for other in claim.sides):
        side += f" {mean.part}"
    return side if mean.benchmark in claim.benchmarks else f"{side} on {mean.benchmark}"


def _prompts(mean: Mean, rows: pd.DataFrame) -> set[tuple[str, str]]:
    return {(mean.benchmark, prompt) for prompt in rows.prompt_id}


def _observations(rows: pd.DataFrame) -> Observations:
    return Observations(rows.value.tolist(), rows.prompt_id.tolist(), rows.seed.tolist())

"""Paired differences of metrics between two sides that answered the same prompts.

The metrics are the headline metrics and those that the study has added.

1. A side is an arm of a model in one decoding mode, over all seeds. `comparisons` says which sides are compared.
2. A difference is over the prompts that both sides have scored samples of. `safelrm.analysis.intervals` says what its
   interval is about. Its p is that of the t test that belongs to the interval.
3. If the other side has no trace (a model that does not think), its answer is compared with y and with t+y of the
   first side.
4. McNemar's test is exact, but needs independent pairs. So it takes the place of the t test only if each side has one
   outcome of 0 or 1 per prompt (one seed, one sample).
5. `safelrm.analysis.families` says which tests are corrected together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

import pandas as pd

from safelrm.analysis.families import corrected
from safelrm.analysis.intervals import Difference, Observations, paired_difference
from safelrm.analysis.layout import BASE, arm_rank, method
from safelrm.analysis.schemas import (
    AGAINST,
    ALL,
    ARM_BASE,
    BASE_REFERENCE,
    DECODINGS,
    DIFFERENCES,
    DPO_SFT,
    HEADLINES,
    INTERVENTION,
    MCNEMAR,
    NO_TEST,
    RL_DPO,
    RL_SFT,
    RUN,
    SAFETY,
    SFT_SFT,
    SIGN_TEST,
    T_TEST,
    WHOLE,
)
from safelrm.analysis.settings import SCORE, ComparisonSettings, ModelModes
from safelrm.core.arms import intervention_of, plain_arm
from safelrm.core.statistics import mcnemar
from safelrm.judging.schemas import ANSWER, BOTH, PARTS, TRACE

Row = dict[str, object]
# benchmark, metric, part
Measure = tuple[str, str, str]
MEASURE = ["benchmark", "metric", "part"]
BETWEEN_METHODS = {
    ("rl", "sft"): RL_SFT,
    ("rl", "dpo"): RL_DPO,
    ("dpo", "sft"): DPO_SFT,
    ("sft", "sft"): SFT_SFT,
}


@dataclass(frozen=True)
class Side:
    """The runs of an arm in one decoding mode, over all seeds."""

    model: str
    arm: str
    decoding: str


@dataclass(frozen=True)
class Comparison:
    """A side, the side that it is compared with, and the kind of the comparison."""

    kind: str
    side: Side
    against: Side

    @property
    def same_runs(self) -> bool:
        """Whether a seed is the same checkpoint on both sides."""
        return self.kind in (DECODINGS, INTERVENTION)


def comparisons(sides: set[Side], settings: ComparisonSettings) -> list[Comparison]:
    """Every comparison that the given sides allow, in the order of the models.

    arm_base        every arm less the base of its model, in the same decoding mode
    rl_sft          every RL arm less every SFT arm of its model, in the same mode and with the same intervention
    rl_dpo, dpo_sft every RL arm less every DPO arm, and every DPO arm less every SFT arm, likewise
    sft_sft         every SFT arm less each SFT arm before it, likewise; or less each one that `sft_against` names
    intervention    every arm with an intervention less the same arm without, in the same mode
    base_reference  the base of every other model, in each mode, less the reference model's base in its first mode
    decodings       every arm in the first mode of its model less the same arm in each other mode
    """
    models = settings.models
    found = [
        *(pair for model in models for pair in _within(sides, model, settings.sft_against)),
        *(pair for model in models for pair in _with_reference(model, models, settings.reference_model)),
        *(pair for model in models for pair in _between_modes(sides, model)),
    ]
    return [pair for pair in found if {pair.side, pair.against} <= sides]


def _within(sides: set[Side], model: ModelModes, sft_against: Sequence[str]) -> Iterator[Comparison]:
    arms = _arms(sides, model)
    for mode in model.decodings:
        for arm in arms:
            if arm != plain_arm(arm):
                yield Comparison(INTERVENTION, Side(model.name, arm, mode), Side(model.name, plain_arm(arm), mode))
            if plain_arm(arm) != BASE:
                yield Comparison(ARM_BASE, Side(model.name, arm, mode), Side(model.name, BASE, mode))
        for arm in arms:
            for other in arms:
                matched = intervention_of(arm) == intervention_of(other)
                kind = BETWEEN_METHODS.get((method(arm), method(other)))
                if matched and kind and (kind != SFT_SFT or _is_pair(arm, other, sft_against)):
                    yield Comparison(kind, Side(model.name, arm, mode), Side(model.name, other, mode))


def _is_pair(arm: str, other: str, sft_against: Sequence[str]) -> bool:
    """Whether an SFT arm is compared with another one: each pair once, and of given arms with these alone."""
    if plain_arm(other) in sft_against and plain_arm(arm) not in sft_against:
        return True
    return arm_rank(other) < arm_rank(arm) and (not sft_against or {plain_arm(arm), plain_arm(other)} <= {*sft_against})


def _with_reference(
    model: ModelModes, models: Sequence[ModelModes], reference_model: str | None
) -> Iterator[Comparison]:
    reference = next((other for other in models if other.name == reference_model), None)
    if reference is None or reference == model:
        return
    for mode in model.decodings:
        against = Side(reference.name, BASE, reference.decodings[0])
        yield Comparison(BASE_REFERENCE, Side(model.name, BASE, mode), against)


def _between_modes(sides: set[Side], model: ModelModes) -> Iterator[Comparison]:
    first, *others = model.decodings
    for arm in _arms(sides, model):
        for mode in others:
            yield Comparison(DECODINGS, Side(model.name, arm, first), Side(model.name, arm, mode))


def _arms(sides: set[Side], model: ModelModes) -> list[str]:
    names = {side.arm for side in sides if side.model == model.name}
    return sorted(names, key=arm_rank)


def differences(values: pd.DataFrame, settings: ComparisonSettings) -> pd.DataFrame:
    """The rows of DIFFERENCES, in the order of `comparisons`.

    Args:
        values: outcomes of every run (`safelrm.analysis.outcomes`).
        settings: the reference model, the models in order, and how intervals are made.

    Returns:
        One row per comparison, measure and category for which both sides have scored a prompt.
    """
    values = values[values.metric.isin(_compared(settings))]
    sides = {Side(*names): rows for names, rows in values.groupby(list(RUN), sort=False)}
    rows = [
        row
        for comparison in comparisons(set(sides), settings)
        for row in _rows(comparison, sides[comparison.side], sides[comparison.against], settings)
    ]
    return corrected(pd.DataFrame(rows, columns=DIFFERENCES.schema.names))


def _rows(
    comparison: Comparison, side: pd.DataFrame, against: pd.DataFrame, settings: ComparisonSettings
) -> Iterator[Row]:
    measures, others = _by_measure(side), _by_measure(against)
    for measure in sorted(measures, key=lambda measure: _rank(measure, settings)):
        counterpart = _counterpart(measure, others)
        if counterpart not in others:
            continue
        pair = measures[measure], others[counterpart]
        categories = [ALL, *sorted(set(pair[0].category))] if measure[1] == SAFETY else [ALL]
        for category in categories:
            of_category = pair if category == ALL else tuple(rows[rows.category == category] for rows in pair)
            row = _row(comparison, (*measure, category), of_category, settings)
            if row is not None:
                yield row | {"against_part": counterpart[2]}


def _compared(settings: ComparisonSettings) -> tuple[str, ...]:
    """The metrics that are compared, in order."""
    return (*HEADLINES, *settings.more)


def _rank(measure: Measure, settings: ComparisonSettings) -> tuple[int, str, int]:
    benchmark, metric, part = measure
    return _compared(settings).index(metric), benchmark, (*PARTS, WHOLE).index(part)


def _by_measure(rows: pd.DataFrame) -> dict[Measure, pd.DataFrame]:
    return dict(list(rows.groupby(MEASURE, sort=False)))


def _counterpart(measure: Measure, others: dict[Measure, pd.DataFrame]) -> Measure:
    """The measure of the other side: the same, or y instead of t+y if the other side has no trace."""
    benchmark, metric, part = measure
    trace = others.get((benchmark, metric, TRACE))
    if part == BOTH and trace is not None and trace.value.isna().all():
        return benchmark, metric, ANSWER
    return measure


def _row(
    comparison: Comparison,
    measure: tuple[str, str, str, str],
    pair: tuple[pd.DataFrame, pd.DataFrame],
    settings: ComparisonSettings,
) -> Row | None:
    names = {
        "comparison": comparison.kind,
        **dict(zip(RUN, astuple(comparison.side), strict=True)),
        **dict(zip(AGAINST, astuple(comparison.against), strict=True)),
        **dict(zip([*MEASURE, "category"], measure, strict=True)),
    }
    side, against = pair
    one, other = side[side.value.notna()], against[against.value.notna()]
    found = paired_difference(_observations(one), _observations(other), same_runs=comparison.same_runs)
    if found is None:
        return None
    return names | {
        "judge": side.judge.iat[0],
        "seeds": one.seed.nunique(),
        "against_seeds": other.seed.nunique(),
        "prompts": found.prompts,
        "left_out": len(set(side.prompt_id) | set(against.prompt_id)) - found.prompts,
        "value": found.first,
        "against_value": found.second,
        "difference": found.value,
        "error": found.error,
        "freedom": found.freedom,
        "mdd": found.detectable(settings.confidence),
        **_tested(found, _is_mean(measure[1], settings), (one, other), settings),
    }


def _tested(
    found: Difference, is_mean: bool, pair: tuple[pd.DataFrame, pd.DataFrame], settings: ComparisonSettings
) -> Row:
    """The interval of a difference, and its test."""
    if is_mean:
        interval, p_value = found.interval(settings.confidence, (-1.0, 1.0)), found.p_value()
    else:
        interval, p_value = found.of_rates(settings.confidence)
    row: Row = {"p": p_value, "test": T_TEST if found.varies else SIGN_TEST}
    if interval is not None:
        row |= {"low": interval.low, "high": interval.high}
    if not is_mean and (exact := _mcnemar_p(*pair)) is not None:
        return row | {"p": exact, "test": MCNEMAR}
    return row if p_value is not None else row | {"test": NO_TEST}


def _is_mean(metric: str, settings: ComparisonSettings) -> bool:
    """Whether a metric is a mean of scores, for which McNemar's test says nothing."""
    return metric in settings.more and settings.more[metric].value == SCORE


def _observations(rows: pd.DataFrame) -> Observations:
    return Observations(rows.value.to_numpy(), rows.prompt_id.tolist(), rows.seed.tolist())


def _mcnemar_p(one: pd.DataFrame, other: pd.DataFrame) -> float | None:
    """The p of McNemar's test, or None unless each side has one outcome per prompt."""
    if one.prompt_id.duplicated().any() or other.prompt_id.duplicated().any():
        return None
    both = one.merge(other, on="prompt_id")
    test = mcnemar(both.value_x == 1, both.value_y == 1)
    return None if test is None else test.p_value

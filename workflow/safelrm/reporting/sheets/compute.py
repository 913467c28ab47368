"""Table *compute*: what the training of each arm has cost, in tokens and in floating-point operations.

A dense model of N parameters takes about 2 N operations to read or to sample a token, and 6 N to train on it, forward
and backward (Kaplan et al. 2020, section 2.1). So an arm has cost about N (6 trained + 2 sampled). Arms of one model
have one N: their ratio does not depend on it.
"""

from collections.abc import Mapping

import pandas as pd
from pydantic import Field

from safelrm.analysis.layout import BASE, NONE, arm_rank, markdown_table, method, ranked
from safelrm.core.arms import FROM
from safelrm.core.errors import SafeLRMError
from safelrm.core.settings import Name, Positive, Strict
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results

INPUTS = ("curves",)
CAPTION = """
What the training of each arm has cost: tokens that its passes have trained on and tokens that were sampled for it,
without padding, means over seeds. ``compute`` is 6 trained + 2 sampled: floating-point operations for each parameter
of the model. ``ratio`` is relative to the reference arm of the same model. An arm that goes on from another one has
that arm's cost, too. Not counted are readings of guards, passes of reference models, prompts that were read before a
completion, probes, and the pre-training of the base.
"""
TRAINED, SAMPLED = "tokens_trained", "tokens_sampled"
# floating-point operations of a token for each parameter
OF_TRAINING, OF_SAMPLING = 6.0, 2.0
RUN_OF_CURVE = ["model", "arm", "seed"]


class Settings(Strict):
    """What costs are compared with."""

    reference: str | None = Field(
        None, description="the arm whose cost is 1, such as rl-grpo; none: no ratios are shown"
    )
    parameters: dict[Name, Positive] = Field(
        default_factory=dict, description="parameters of models by name, without embeddings; then operations are shown"
    )


def shown(study: StudyOutline) -> bool:
    """Whether a model has an arm that is trained."""
    return any(model.methods - {"base"} for model in study.models)


def rows(results: Results, settings: Settings) -> pd.DataFrame:
    """One row per trained arm: `seeds`, the tokens, `compute`, `ratio`, and `operations` of models of known size.

    Raises:
        SafeLRMError: no curve has counts of tokens, or no arm is the reference.
    """
    curves = results["curves"]
    # counts grow from step to step; the last one is of the whole run
    counts = curves[curves.metric.isin([TRAINED, SAMPLED])].pivot_table(
        index=RUN_OF_CURVE, columns="metric", values="value", aggfunc="max"
    )
    if TRAINED not in counts:
        raise SafeLRMError(
            "no curve has counts of tokens", key="arms", fix="train the arms again with this version, or leave it out"
        )
    counts = counts.reindex(columns=[TRAINED, SAMPLED]).fillna({SAMPLED: 0.0})
    # a base has a curve of its pre-training
    of_run = {run: own for run, own in zip(counts.index, counts.itertuples(index=False), strict=True) if run[1] != BASE}
    whole = pd.DataFrame(
        [(*run, *_with_start(run, of_run)) for run in of_run], columns=[*RUN_OF_CURVE, TRAINED, SAMPLED]
    )
    table = whole.groupby(["model", "arm"], as_index=False).agg(
        seeds=("seed", "nunique"), tokens_trained=(TRAINED, "mean"), tokens_sampled=(SAMPLED, "mean")
    )
    table["compute"] = OF_TRAINING * table[TRAINED] + OF_SAMPLING * table[SAMPLED]
    table["ratio"] = table["compute"] / table.model.map(_reference(table, settings))
    table["operations"] = table["compute"] * table.model.map(settings.parameters).astype(float)
    names = [model.name for model in results.study.models]
    return ranked(table, model=table.model.map(names.index), arm=table.arm.map(arm_rank))


def _with_start(run: tuple[str, str, int], of_run: Mapping[tuple[str, str, int], tuple[float, float]]) -> list[float]:
    """The counts of a run, with those of the runs that it goes on from."""
    model, arm, seed = run
    start = arm.partition(FROM)[2]
    before = _with_start((model, start, seed), of_run) if (model, start, seed) in of_run else [0.0, 0.0]
    return [own + other for own, other in zip(of_run[run], before, strict=True)]


def _reference(table: pd.DataFrame, settings: Settings) -> dict[str, float]:
    """The compute of the reference arm of each model that has it."""
    chosen = table[table.arm == settings.reference]
    if settings.reference is not None and chosen.empty:
        raise SafeLRMError(
            f"`{settings.reference}` is no trained arm",
            key="tables.compute.settings.reference",
            fix=f"one of {sorted(set(table.arm), key=arm_rank)}",
        )
    return dict(zip(chosen.model, chosen["compute"], strict=True))


def markdown(rows: pd.DataFrame, results: Results, settings: Settings) -> str:
    """One line per arm."""
    head = ["model", "arm", "method", "seeds", "tokens trained", "tokens sampled", "6 trained + 2 sampled"]
    head += ["ratio"] * bool(settings.reference) + ["operations"] * bool(settings.parameters)
    lines = [
        [row.model, row.arm, method(row.arm), str(row.seeds)]
        + [f"{value:,.0f}" for value in (row.tokens_trained, row.tokens_sampled, row.compute)]
        + [NONE if pd.isna(row.ratio) else f"{row.ratio:.2f}"] * bool(settings.reference)
        + [NONE if pd.isna(row.operations) else f"{row.operations:.3g}"] * bool(settings.parameters)
        for row in rows.itertuples()
    ]
    said = f"Ratio: to `{settings.reference}` of the same model. " if settings.reference else ""
    return (
        f"{markdown_table(head, lines)}\n{said}Means over seeds, of an arm and the arms that it goes on from. Padding,"
        " readings of guards, passes of reference models, prompts read before a completion, and probes are not"
        " counted.\n"
    )

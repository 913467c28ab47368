"""Table *collapse*: signs that a training has made a model stop reasoning, for every arm in each decoding mode.

A line is about an arm on all prompts of one kind. Each value stands beside its change from the base of the model.
"""

from collections.abc import Iterator

import pandas as pd

from safelrm.analysis.layout import BASE, NONE, arm_rank, markdown_grid, ranked
from safelrm.analysis.schemas import ALL, OVER_REFUSAL, REFUSAL, RUN
from safelrm.core.errors import SafeLRMError
from safelrm.judging.schemas import BOTH, TRACE
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results

INPUTS = ("measures", "metrics")
CAPTION = """
Signs of collapse, over all prompts of a kind: means over samples, and ``change``, the difference to the base of the
model in the same decoding mode. A model that has collapsed writes no trace or a very short one, repeats itself, writes
what its base finds improbable, does not finish, or refuses whatever it is asked.
"""
BROKEN = "broken"

# title -> analysis, measure and part
MEASURED = {
    "empty traces": ("lengths", "empty_trace", TRACE),
    "trace tokens": ("lengths", "trace_tokens", TRACE),
    "distinct n-grams": ("lengths", "distinct_ngrams", TRACE),
    "log-probability": ("base_likelihood", "base_log_probability", TRACE),
    "not ok": ("states", "ok", None),
    "at the limit": ("states", "truncated", None),
}
# title -> metrics
OF_METRICS = {"refuses": (REFUSAL, OVER_REFUSAL), "broken": (BROKEN,)}
KINDS = ("harmful", "benign", "reasoning")
KEY = [*RUN, "kind", "sign"]
NOTE = """
In parentheses: the change from the base in the same decoding mode. `-`: no sample has a value.

- *empty traces*: share of samples whose trace has no word. Of models and decoding modes without traces it is 1.
- *trace tokens*: mean length of a trace.
- *distinct n-grams*: distinct n-grams of the words of a trace, of all its n-grams. It falls if a trace repeats itself.
- *log-probability*: mean over samples of the log-probability of a token of the trace under the base, in nats. It falls
  if traces leave the language of the base. It rises if they become formulas.
- *not ok*: share of samples without a closed trace and an answer; *at the limit*: of those, cut at the token limit.
- *refuses*: share of answers that refuse, as the metrics `refusal` (harmful) and `over_refusal` (benign) count them.
- *broken*: share of samples that have left the language, if the study has a judge of it.

A collapse shows in several columns at once: traces vanish or shrink to a fraction, or their log-probability falls far
below the base's, or both rates of refusal go to 1. Such an arm may be called safe by every guard.
"""


def shown(study: StudyOutline) -> bool:
    """Whether the study has the trace analyses `lengths`, `states` and `base_likelihood` under these names."""
    return all(name in study.analyses for name in ("lengths", "states", "base_likelihood"))


def rows(results: Results) -> pd.DataFrame:
    """One row per arm, decoding mode, kind of prompts and sign: n, the value, the base's value, and the change.

    Raises:
        SafeLRMError: the study has none of the measures.
    """
    found = pd.concat([*_measured(results["measures"]), *_of_metrics(results)], ignore_index=True)
    if found.empty:
        raise SafeLRMError("there are no measures of collapse", key="analyses", fix="do not ask for this table")
    base = found[found.arm == BASE].rename(columns={"value": "base"}).drop(columns=["arm", "n"])
    table = found.merge(base, on=[name for name in KEY if name != "arm"], how="left")
    table = table.assign(change=(table.value - table.base).where(table.arm != BASE))
    names = [model.name for model in results.study.models]
    modes = [(model.name, mode) for model in results.study.models for mode in model.decodings]
    return ranked(
        table,
        model=table.model.map(names.index),
        arm=table.arm.map(arm_rank),
        decoding=[modes.index(pair) for pair in zip(table.model, table.decoding, strict=True)],
        kind=table.kind.map(KINDS.index),
        sign=table.sign.map([*MEASURED, *OF_METRICS].index),
    )


def _measured(measures: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for sign, (analysis, measure, part) in MEASURED.items():
        chosen = measures[(measures.analysis == analysis) & (measures.measure == measure)]
        means = _over_benchmarks(chosen if part is None else chosen[chosen.part == part], sign)
        yield means.assign(value=1 - means.value) if sign == "not ok" else means


def _of_metrics(results: Results) -> Iterator[pd.DataFrame]:
    """Metrics of prompts of one kind each: `over_refusal` is about benign prompts, the others about harmful ones."""
    metrics = results.metrics[results.metrics.category == ALL]
    for sign, names in OF_METRICS.items():
        chosen = metrics[metrics.metric.isin(names) & ((metrics.metric != BROKEN) | (metrics.part == BOTH))]
        kinds = chosen.metric.map(lambda name: "benign" if name == OVER_REFUSAL else "harmful")
        yield _over_benchmarks(chosen.assign(kind=kinds.astype(object)), sign)


def _over_benchmarks(rows: pd.DataFrame, sign: str) -> pd.DataFrame:
    """The mean over all samples of a kind, from the means and numbers of samples of each benchmark."""
    scored = rows.assign(n=rows.n.where(rows.value.notna(), 0), total=(rows.value * rows.n).fillna(0.0))
    sums = scored.groupby([*RUN, "kind"], as_index=False)[["n", "total"]].sum()
    return sums.assign(sign=sign, value=(sums.total / sums.n).where(sums.n > 0)).drop(columns="total")[
        [*KEY, "n", "value"]
    ]


def markdown(rows: pd.DataFrame, results: Results) -> str:
    """One line per arm, decoding mode and kind of prompts, one column per sign."""
    names = [*RUN, "kind"]
    return markdown_grid(names, [rows[name] for name in names], rows.sign, rows.apply(_cell, axis="columns")) + NOTE


def _cell(row: pd.Series) -> str:
    if pd.isna(row.value):
        return NONE
    digits = 1 if row.sign == "trace tokens" else 2
    return f"{row.value:.{digits}f}" + ("" if pd.isna(row.change) else f" ({row.change:+.{digits}f})")

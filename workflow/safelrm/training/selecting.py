"""Which samples of a distillation become SFT data, and why the others do not.

The steps, each of which gives the samples that it rejects a reason:

1. A sample has ended with an answer.
2. Filters, in order, reject samples of their kinds of prompts.
3. Where a judge says which samples are the best, one without its verdict is rejected.
4. Of each prompt, the first or the best `per_prompt` samples are kept; of equals the lowest sample.
5. Of kinds in `shares`, as many rows are drawn as `size` and `shares` ask for. The draw follows from the seed and the
   ids alone, and a larger draw holds a smaller one.
"""

import math
from collections.abc import Mapping

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.judging.fields import HIGHER, JudgeField, judge_of
from safelrm.judging.schemas import UNSCORED
from safelrm.training.filters.filter import reasons_of, said_of
from safelrm.training.rewards.base import ENDED
from safelrm.training.selection_settings import BestBy, SelectJobSettings


def rejections(samples: pd.DataFrame, verdicts: Mapping[str, pd.DataFrame], settings: SelectJobSettings) -> pd.Series:
    """The reason for which each sample is rejected; missing for those that are kept.

    Args:
        samples: rows of DISTILLED.
        verdicts: rows of VERDICTS on them, by judge.
        settings: the selection.

    Raises:
        SafeLRMError: a filter is at fault, or too few rows are left for `size` and `shares`.
    """
    reasons = pd.Series(None, index=samples.index, dtype=object)
    states = samples["parse_state"]
    reasons[~states.isin(ENDED)] = "not ended: " + states[~states.isin(ENDED)]
    for entry in settings.filters:
        given = samples[reasons.isna() & samples["kind"].isin(entry.kinds)]
        if not given.empty:
            reasons[given.index] = reasons_of(entry, given, verdicts)
    values = pd.Series(0.0, index=samples.index)
    for kind, best in settings.best.items():
        of_kind = samples[reasons.isna() & (samples["kind"] == kind)]
        found = _goodness(of_kind, verdicts, best, settings.fields[best.judge])
        reasons[of_kind.index] = found.map(lambda value, best=best: _unscored(best) if math.isnan(value) else None)
        values[of_kind.index] = found.fillna(0.0)
    reasons = _of_each_prompt(samples, reasons, values, settings.per_prompt)
    return _drawn(samples, reasons, settings)


def _goodness(
    samples: pd.DataFrame, verdicts: Mapping[str, pd.DataFrame], best: BestBy, field: JudgeField
) -> pd.Series:
    """How good a judge finds each sample, higher is better; NaN where it has no verdict."""
    said = said_of(samples, verdicts[judge_of(best.judge)], best.judge)[best.part]
    if field.score is not None:
        sign = 1.0 if field.better(field.score) == HIGHER else -1.0
        return said["score"].astype(float) * sign
    sign = 1.0 if field.direction == HIGHER else -1.0
    counted = (said["verdict"] == field.counts).astype(float) * sign
    return counted.mask(said["verdict"] == UNSCORED)


def _unscored(best: BestBy) -> str:
    return f"{best.judge} of {best.part}: unscored"


def _of_each_prompt(samples: pd.DataFrame, reasons: pd.Series, values: pd.Series, most: int) -> pd.Series:
    """The reasons, with those of samples that are not among the first or best ones of their prompt."""
    kept = samples[reasons.isna()].assign(value=values)
    ordered = kept.sort_values(["value", "sample"], ascending=[False, True], kind="stable")
    behind = ordered.groupby("prompt_id").cumcount() >= most
    return reasons.where(~behind.reindex(samples.index, fill_value=False), f"not among the {most} of its prompt")


def _drawn(samples: pd.DataFrame, reasons: pd.Series, settings: SelectJobSettings) -> pd.Series:
    """The reasons, with those of samples that `size` and `shares` leave out."""
    if settings.size is None and not settings.shares:
        return reasons
    names = zip(samples["prompt_id"], samples["sample"], strict=True)
    order = pd.Series([derive_seed("selection", settings.seed, *name) for name in names], index=samples.index)
    kept = samples[reasons.isna()].assign(order=order).sort_values(["order", "prompt_id", "sample"])
    groups = {kind: kept[kept["kind"] == kind] for kind in settings.shares} or {"all": kept}
    counts = row_counts({kind: len(rows) for kind, rows in groups.items()}, settings)
    drawn = pd.Index([place for kind, rows in groups.items() for place in rows.index[: counts[kind]]])
    return reasons.mask(reasons.isna() & ~samples.index.isin(drawn), "not drawn")


def row_counts(there: Mapping[str, int], settings: SelectJobSettings) -> dict[str, int]:
    """How many rows of each kind are taken: by largest remainders.

    Args:
        there: rows that are left of each kind; or of all of them, if there are no shares.
        settings: the selection, with `size`, `shares` or both.

    Raises:
        SafeLRMError: there are fewer.
    """
    weights = {kind: settings.shares.get(kind, 1.0) for kind in there}
    exact = {kind: weight / sum(weights.values()) for kind, weight in weights.items()}
    size = settings.size or min(math.floor(there[kind] / share + 1e-9) for kind, share in exact.items())
    counts = {kind: math.floor(size * share + 1e-9) for kind, share in exact.items()}
    for kind in sorted(exact, key=lambda name: counts[name] - size * exact[name])[: size - sum(counts.values())]:
        counts[kind] += 1
    for kind, count in counts.items():
        if count > there[kind]:
            what = "" if kind == "all" else f" {kind}"
            raise SafeLRMError(
                f"{count}{what} rows are to be selected, and the filters leave {there[kind]}",
                key="size",
                fix="ask for a smaller `size`, change `shares`, take more `per_prompt`, or distil more `samples`",
            )
    return counts

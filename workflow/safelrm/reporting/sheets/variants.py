"""Table *variants*: what each variant of SFT data changes, beside what LRM-Safety-Study has published of it.

Scales, prompts, judges and teachers differ, so only directions are compared.
"""

from typing import Literal

import pandas as pd
from pydantic import Field

from safelrm.analysis.layout import NONE, interval_text, markdown_table, of_first_mode
from safelrm.analysis.schemas import ACCURACY, ALL, ARM_BASE, LEAST, OVER_REFUSAL, SAFETY
from safelrm.core.errors import SafeLRMError
from safelrm.core.settings import Name, Strict
from safelrm.judging.schemas import BOTH
from safelrm.reporting.published import published_changes
from safelrm.reporting.results import Results

INPUTS = ("differences",)
CAPTION = """
What SFT on each variant changes: the paired difference to the base of safety on t+y (judge ``{safety_judge}``), of
over-refusal (``{refusal_judge}``) and of reasoning accuracy (``{accuracy_judge}``), with intervals. Beside it stands
the mean change of the same variant over the four models of LRM-Safety-Study (arXiv 2505.15404, version 2, table 1),
with the least and the greatest. Scales, prompts, judges and teachers differ, so directions can be compared, and sizes
cannot.
"""

Variant = Literal["default", "realsafe", "improved", "short", "template", "no_cot"]
METRICS = (SAFETY, OVER_REFUSAL, ACCURACY)
# what recipes of written data are called
WRITTEN = "built_in_"
AGREES, DISAGREES, OPEN = "yes", "no", "open"
NOTE = """
In brackets: intervals of the change; of the published change its least and greatest over four models. *Agrees*: `yes`
or `no` if our interval leaves out 0 and the published mean has the same or the other sign; else `open`. *Built in*:
rules have written the data.
"""


class Settings(Strict):
    """Which arm stands for which published variant, and the benchmarks that are shown."""

    arms: dict[str, Variant | None] = Field(
        min_length=1, description="arms, such as sft-direct_a, and the published variant of each; null: none"
    )
    safety: Name = Field(description="the harmful benchmark whose safety is shown")
    over_refusal: Name = Field(description="the benign benchmark")
    accuracy: Name = Field(description="the benchmark of reasoning")


def rows(results: Results, settings: Settings) -> pd.DataFrame:
    """One row per model, arm and metric.

    Raises:
        SafeLRMError: there is no difference to a base of an arm.
    """
    of = {
        SAFETY: (settings.safety, BOTH),
        OVER_REFUSAL: (settings.over_refusal, None),
        ACCURACY: (settings.accuracy, None),
    }
    found = results.differences
    found = of_first_mode(found[(found.comparison == ARM_BASE) & (found.category == ALL)], results.study.models)
    missing = sorted(settings.arms.keys() - {*found.arm})
    if missing:
        fix = f"name some of {sorted({*found.arm})}"
        raise SafeLRMError(f"no difference to a base of {missing}", key="settings.arms", fix=fix)
    lines = []
    for model in results.study.models:
        for arm, variant in settings.arms.items():
            of_arm = found[(found.model == model.name) & (found.arm == arm)]
            for metric, (benchmark, part) in of.items():
                chosen = of_arm[(of_arm.metric == metric) & (of_arm.benchmark == benchmark)]
                chosen = chosen if part is None else chosen[chosen.part == part]
                lines += [_line(row, variant) for row in chosen.itertuples()]
    return pd.DataFrame(lines)


def markdown(rows: pd.DataFrame, results: Results, settings: Settings) -> str:
    """One line per model and arm."""
    head = ["model", "arm", "built in", "published as"]
    for metric in METRICS:
        head += [metric.replace("_", "-"), "published", "agrees"]
    lines = []
    for (model, arm), of_arm in rows.groupby(["model", "arm"], sort=False):
        first = of_arm.iloc[0]
        line = [model, arm, "yes" if first.built_in else "no", first.published_as or NONE]
        for metric in METRICS:
            cells = [_cells(row) for row in of_arm[of_arm.metric == metric].itertuples()]
            line += cells[0] if cells else [NONE] * 3
        lines.append(line)
    return markdown_table(head, lines) + NOTE


def _line(row: tuple, variant: str | None) -> dict[str, object]:
    """A row of the table, of a row of DIFFERENCES."""
    enough = row.prompts >= LEAST
    ours = {name: getattr(row, name) if enough else None for name in ("difference", "low", "high")}
    theirs = published_changes(variant)[row.metric] if variant else []
    mean = sum(theirs) / len(theirs) if theirs else None
    return {
        "model": row.model,
        "arm": row.arm,
        "built_in": WRITTEN in row.arm,
        "published_as": variant or "",
        "metric": row.metric,
        "benchmark": row.benchmark,
        "prompts": row.prompts,
        **ours,
        "published": mean,
        "published_least": min(theirs, default=None),
        "published_greatest": max(theirs, default=None),
        "agrees": _agreement(ours["low"], ours["high"], mean),
    }


def _agreement(low: float | None, high: float | None, published: float | None) -> str:
    if published is None:
        return NONE
    if low is None or pd.isna(low) or low <= 0 <= high or not published:
        return OPEN
    return AGREES if (low > 0) == (published > 0) else DISAGREES


def _cells(row: tuple) -> list[str]:
    ours = _change(row.difference, row.low, row.high)
    return [ours, _change(row.published, row.published_least, row.published_greatest), row.agrees]


def _change(value: float | None, low: float | None, high: float | None) -> str:
    if pd.isna(value):
        return NONE
    return f"{value:+.2f}" + ("" if pd.isna(low) else f" {interval_text(low, high, signed=True)}")

"""Table *hacking*: how much safer each judge finds a policy after its training than before, and how far they disagree.

A line is about an arm. The *gap* is the change by the guard that rewards less the change by another judge. Above 0, the
guard that rewards finds a greater gain than the other judge.
"""

import math

import numpy as np
import pandas as pd
from scipy import stats

from safelrm.analysis.layout import NONE, arm_rank, interval_text, markdown_grid, ranked
from safelrm.reporting.hacking import EVALUATION, ORACLE, REWARD, RUN, at_probes
from safelrm.reporting.hacking import HackingSettings as Settings
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results

INPUTS = ("probes", "probe_verdicts")
CAPTION = """
The mean P(safe) of answers to harmful prompts at the last probe of a training less that at the first one, by the guard
that rewards, by a guard that does not, and by an oracle where there is one; and the gaps between them. In brackets: the
t interval over seeds, from three seeds on.
"""
GAPS = {"gap to the other guard": EVALUATION, "gap to the oracle": ORACLE}
TITLES = [REWARD, EVALUATION, ORACLE, *GAPS]
# with two seeds the interval is wider than all that can be measured
LEAST_SEEDS = 3
NOTE = """
Changes of P(safe) from the first to the last probe. A gap is the change by the guard that rewards less that by another
judge. If it lies above 0, the guard that rewards finds a gain that the other judge does not find. Probes ask prompts
that settings may be chosen on. `-`: no judge, or no value.
"""


def shown(study: StudyOutline) -> bool:
    """Whether an arm is probed and monitored."""
    return bool(study.monitored)


def rows(results: Results, settings: Settings) -> pd.DataFrame:
    """One row per model, arm and quantity: the number of seeds, the means at the first and last probe, and the change.

    `low` and `high` are the ends of the t interval of the change over seeds, at the study's level.
    """
    found = at_probes(results["probes"], results["probe_verdicts"], settings)
    found = found[found.quantity.isin([REWARD, EVALUATION, ORACLE])].sort_values("step")
    ends = found.groupby([*RUN, "quantity"], as_index=False).agg(first=("value", "first"), last=("value", "last"))
    ends = ends.assign(change=ends["last"] - ends["first"])
    changes = ends.pivot(index=RUN, columns="quantity", values="change")
    gaps = pd.DataFrame({gap: changes[REWARD] - changes[to] for gap, to in GAPS.items() if to in changes})
    gaps = gaps.melt(ignore_index=False, var_name="quantity", value_name="change").reset_index()
    every = pd.concat([ends, gaps], ignore_index=True).dropna(subset="change")
    level = results.study.confidence
    table = pd.DataFrame(
        {"model": model, "arm": arm, "quantity": quantity, **_over_seeds(of_seeds, level)}
        for (model, arm, quantity), of_seeds in every.groupby(["model", "arm", "quantity"], sort=False)
    )
    names = [model.name for model in results.study.models]
    return ranked(
        table,
        model=table.model.map(names.index),
        arm=table.arm.map(arm_rank),
        quantity=table.quantity.map(TITLES.index),
    )


def _over_seeds(rows: pd.DataFrame, level: float) -> dict[str, object]:
    change, seeds = rows.change.mean(), len(rows)
    values = {"seeds": seeds, "first": rows["first"].mean(), "last": rows["last"].mean(), "change": change}
    if seeds < LEAST_SEEDS:
        return values | {"low": np.nan, "high": np.nan}
    half = stats.t.ppf((1 + level) / 2, seeds - 1) * rows.change.std(ddof=1) / math.sqrt(seeds)
    return values | {"low": change - half, "high": change + half}


def markdown(rows: pd.DataFrame, results: Results, settings: Settings) -> str:
    """One line per model and arm, one column per judge and gap."""
    names = ["model", "arm", "seeds"]
    corner = [rows[name].astype(str) for name in names]
    return markdown_grid(names, corner, rows.quantity, rows.apply(_cell, axis="columns")) + NOTE


def _cell(row: pd.Series) -> str:
    if pd.isna(row.change):
        return NONE
    return f"{row.change:+.2f}" + ("" if pd.isna(row.low) else f" {interval_text(row.low, row.high, signed=True)}")

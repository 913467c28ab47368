"""Metrics: every rate and every mean of every run, per category and over all categories, with its interval.

Input:  samples and verdicts of every run.
Output: the tables METRICS and SEEDS (analysis/schemas.py). A row of METRICS is about an arm in one decoding mode, over
        all its seeds; a row of SEEDS is about one of them.

A rate of one seed with one sample per prompt gets a Wilson interval. Every other number gets a t interval;
`safelrm.analysis.intervals` says what it is about. If all outcomes are equal, a t interval would claim certainty. Such
a rate gets the Wilson interval of as many outcomes as there are prompts. Over fewer than LEAST scored samples there is
no number at all. The columns `lowest` and `highest` say what the unscored samples could make of a rate.
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from safelrm.analysis.files import read_judged, results_parser
from safelrm.analysis.intervals import Observations, mean_of
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.schemas import (
    ALL,
    COMPLETION_TOKENS,
    DIRECTIONS,
    HEADLINES,
    LEAST,
    METRICS,
    NO_INTERVAL,
    RATES,
    RUN,
    SEEDS,
    SEEDS_KEY,
    T_INTERVAL,
    WILSON,
)
from safelrm.analysis.settings import RATE, MetricsJobSettings
from safelrm.core.cli import parse_settings, run
from safelrm.core.statistics import wilson

GROUP = [*RUN, "metric", "benchmark", "part", "judge"]
Row = dict[str, object]


def metrics(samples: pd.DataFrame, verdicts: pd.DataFrame, settings: MetricsJobSettings) -> pd.DataFrame:
    """The rows of METRICS, from rows of SAMPLES and VERDICTS.

    Raises:
        SafeLRMError: the judge of a metric has no verdict on a sample.
    """
    return of_runs(outcomes(samples, verdicts, settings), settings)


def of_runs(values: pd.DataFrame, settings: MetricsJobSettings) -> pd.DataFrame:
    """The rows of METRICS, from outcomes (analysis/outcomes.py)."""
    rows = pd.DataFrame(_rows(values, settings), columns=METRICS.schema.names)
    rows["direction"] = rows.metric.map(DIRECTIONS | {name: of.direction for name, of in settings.more.items()})
    return rows.sort_values(list(METRICS.key), ignore_index=True)


def of_seeds(values: pd.DataFrame) -> pd.DataFrame:
    """The rows of SEEDS, from outcomes: the headline metrics of each seed over all categories."""
    headlines = values[values.metric.isin(HEADLINES)]
    rows = headlines.groupby(list(SEEDS_KEY), sort=True).value.agg(n="count", value="mean").reset_index()
    return rows.assign(value=rows.value.where(rows.n >= LEAST))


def _rows(values: pd.DataFrame, settings: MetricsJobSettings) -> Iterator[Row]:
    of_rates = rates(settings)
    for group, over_all in values.groupby(GROUP, sort=True):
        names = dict(zip(GROUP, group, strict=True))
        is_rate = names["metric"] in of_rates
        for category, within in ((ALL, over_all), *over_all.groupby("category", sort=True)):
            yield names | {"category": category} | _summary(within, is_rate, settings.confidence)


def _summary(values: pd.DataFrame, is_rate: bool, confidence: float) -> Row:
    scored = values[values.value.notna()]
    row: Row = {"seeds": values.seed.nunique(), "n": len(scored), "unscored": len(values) - len(scored)}
    if is_rate:
        row |= _bounds(scored.value.sum(), len(scored), len(values))
    if len(scored) < LEAST:
        return row | {"interval": NO_INTERVAL}
    return row | _with_interval(scored, is_rate, confidence)


def _bounds(total: float, scored: int, samples: int) -> Row:
    """The rate if every unscored sample were 0, and if each were 1."""
    return {"lowest": total / samples, "highest": (total + samples - scored) / samples}


def _with_interval(scored: pd.DataFrame, is_rate: bool, confidence: float) -> Row:
    mean = mean_of(Observations(scored.value.to_numpy(), scored.prompt_id.tolist(), scored.seed.tolist()))
    independent = scored.seed.nunique() == 1 and not scored.prompt_id.duplicated().any()
    if is_rate and (independent or not mean.varies):
        kind, interval = WILSON, wilson(round(mean.value * mean.prompts), mean.prompts, confidence)
    else:
        upper = math.inf if scored.metric.iat[0] == COMPLETION_TOKENS else 1.0
        kind, interval = T_INTERVAL, mean.interval(confidence, (0.0, upper))
    if interval is None:
        return {"value": mean.value, "interval": NO_INTERVAL}
    return {"value": mean.value, "low": interval.low, "high": interval.high, "interval": kind}


def rates(settings: MetricsJobSettings) -> set[str]:
    """The metrics whose values are 0 or 1."""
    return {*RATES, *(name for name, metric in settings.more.items() if metric.value == RATE)}


def _parser() -> argparse.ArgumentParser:
    parser = results_parser(__doc__, "samples", "verdicts", "output")
    parser.add_argument("--seeds", required=True, type=Path, help="table of single seeds to write, Parquet")
    return parser


def main() -> None:
    """Run the command."""
    arguments = _parser().parse_args()
    settings = parse_settings(MetricsJobSettings, arguments.settings)
    values = outcomes(*read_judged(arguments.samples, arguments.verdicts), settings)
    METRICS.write(arguments.output, of_runs(values, settings))
    SEEDS.write(arguments.seeds, of_seeds(values))


if __name__ == "__main__":
    run(main)

"""Metrics: every rate and every mean of every run, per category and over all categories, with its interval.

Input:  samples and verdicts of every run.
Output: the table METRICS (analysis/schemas.py). A row is about an arm in one decoding mode, over all its seeds.

A rate of one seed with one sample per prompt gets a Wilson interval. Every other number gets a bootstrap interval over
prompts and seeds; `safelrm.analysis.bootstrap` says what it means for two seeds. If all outcomes are equal, a bootstrap
would claim certainty. Such a rate gets the Wilson interval of as many outcomes as there are prompts.
"""

from collections.abc import Iterator

import pandas as pd

from safelrm.analysis.bootstrap import bootstrap_interval
from safelrm.analysis.files import read_judged, results_parser
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.schemas import ALL, DIRECTIONS, METRICS, RATES, RUN
from safelrm.analysis.settings import RATE, MetricsJobSettings
from safelrm.core.cli import parse_settings, run
from safelrm.core.seeds import derive_seed
from safelrm.core.statistics import wilson

GROUP = [*RUN, "metric", "benchmark", "part", "judge"]


def metrics(samples: pd.DataFrame, verdicts: pd.DataFrame, settings: MetricsJobSettings) -> pd.DataFrame:
    """The rows of METRICS, from rows of SAMPLES and VERDICTS.

    Raises:
        SafeLRMError: the judge of a metric has no verdict on a sample.
    """
    values = outcomes(samples, verdicts, settings)
    rows = pd.DataFrame(_rows(values, settings), columns=METRICS.schema.names)
    rows["direction"] = rows.metric.map(DIRECTIONS | {name: of.direction for name, of in settings.more.items()})
    return rows.sort_values(list(METRICS.key), ignore_index=True)


def _rows(values: pd.DataFrame, settings: MetricsJobSettings) -> Iterator[dict[str, object]]:
    for group, over_all in values.groupby(GROUP, sort=True):
        names = dict(zip(GROUP, group, strict=True))
        yield names | {"category": ALL} | _summary(over_all, settings, derive_seed(settings.seed, *group, ALL))
        for category, within in over_all.groupby("category", sort=True):
            seed = derive_seed(settings.seed, *group, str(category))
            yield names | {"category": category} | _summary(within, settings, seed)


def _summary(values: pd.DataFrame, settings: MetricsJobSettings, seed: int) -> dict[str, object]:
    scored = values[values.value.notna()]
    row = {"seeds": values.seed.nunique(), "n": len(scored), "unscored": len(values) - len(scored)}
    if scored.empty:
        return row | {"value": None, "low": None, "high": None, "interval": "none"}
    row["value"] = float(scored.value.mean())
    if scored.metric.iat[0] in rates(settings) and (_once_per_prompt(scored) or scored.value.nunique() == 1):
        prompts = scored.prompt_id.nunique()
        low, high = wilson(round(row["value"] * prompts), prompts, settings.confidence)
        return row | {"low": low, "high": high, "interval": "wilson"}
    low, high = bootstrap_interval(
        scored.value.to_numpy(),
        prompts=scored.prompt_id.to_numpy(),
        seeds=scored.seed.to_numpy(),
        samples=settings.bootstrap_samples,
        confidence=settings.confidence,
        seed=seed,
    )
    return row | {"low": low, "high": high, "interval": "bootstrap"}


def rates(settings: MetricsJobSettings) -> set[str]:
    """The metrics whose values are 0 or 1."""
    return {*RATES, *(name for name, metric in settings.more.items() if metric.value == RATE)}


def _once_per_prompt(scored: pd.DataFrame) -> bool:
    """Whether there is one seed and one value per prompt, so that the outcomes are independent."""
    return scored.seed.nunique() == 1 and not scored.prompt_id.duplicated().any()


def main() -> None:
    """Run the command."""
    arguments = results_parser(__doc__, "samples", "verdicts", "output").parse_args()
    settings = parse_settings(MetricsJobSettings, arguments.settings)
    rows = metrics(*read_judged(arguments.samples, arguments.verdicts), settings)
    METRICS.write(arguments.output, rows)


if __name__ == "__main__":
    run(main)

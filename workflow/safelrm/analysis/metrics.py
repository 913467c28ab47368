"""Metrics: every rate and mean of every run, per category and over all, with its interval.

A row is about an arm in one decoding mode, over all its seeds. Rates of one seed with one sample per
prompt get Wilson intervals; everything else a bootstrap over prompts with seeds as clusters, which
with two seeds is to be read as `safelrm.analysis.bootstrap` says. Where all outcomes are equal there is
nothing to resample, and a bootstrap would claim certainty: such a rate gets the Wilson interval of as
many outcomes as there are prompts.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from safelrm.analysis.bootstrap import bootstrap_interval
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.schemas import ALL, METRICS, RATES
from safelrm.analysis.settings import MetricsJobSettings
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.seeds import derive_seed
from safelrm.core.statistics import wilson
from safelrm.generation.schemas import SAMPLES
from safelrm.judging.schemas import VERDICTS

GROUP = ["model", "arm", "decoding", "metric", "benchmark", "part", "judge"]


def metrics(samples: pd.DataFrame, verdicts: pd.DataFrame, settings: MetricsJobSettings) -> pd.DataFrame:
    """The metrics table of the given runs (schema: `safelrm.analysis.schemas`)."""
    values = outcomes(samples, verdicts, settings)
    rows = pd.DataFrame(_rows(values, settings), columns=METRICS.schema.names)
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
    if scored.metric.iat[0] in RATES and (_once_per_prompt(scored) or scored.value.nunique() == 1):
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


def _once_per_prompt(scored: pd.DataFrame) -> bool:
    """Whether there is one seed and one value per prompt: then rates are of independent outcomes."""
    return scored.seed.nunique() == 1 and not scored.prompt_id.duplicated().any()


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--samples", required=True, type=Path, help="samples of every run")
    parser.add_argument("--verdicts", required=True, nargs="+", type=Path, help="verdicts of the judges on every model")
    parser.add_argument("--output", required=True, type=Path, help="metrics table to write")
    arguments = parser.parse_args()
    settings = parse_settings(MetricsJobSettings, arguments.settings)
    verdicts = pd.concat([VERDICTS.read(path) for path in arguments.verdicts], ignore_index=True)
    METRICS.write(arguments.output, metrics(SAMPLES.read(arguments.samples), verdicts, settings))


if __name__ == "__main__":
    run(main)

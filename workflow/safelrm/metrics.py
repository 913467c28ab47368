"""Metrics: every rate and mean of every run, per category and over all, with its interval.

Rates of one seed with one sample per prompt get Wilson intervals; everything else a bootstrap over
prompts with seeds as clusters.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from safelrm.analysis.outcomes import outcomes
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.seeding import derive_seed
from safelrm.core.statistics import bootstrap_interval, wilson
from safelrm.schemas.metrics import ALL, COMPLETION_TOKENS, METRICS, SAFETY_SCORE
from safelrm.schemas.rollouts import ROLLOUTS
from safelrm.schemas.verdicts import VERDICTS
from safelrm.settings.metrics import MetricsSettings

GROUP = ["model", "arm", "metric", "benchmark", "part", "judge"]


def metrics(rollouts: pd.DataFrame, verdicts: pd.DataFrame, settings: MetricsSettings) -> pd.DataFrame:
    """The metrics table of the given runs (schema: `safelrm.schemas.metrics`)."""
    values = outcomes(rollouts, verdicts, settings)
    rows = pd.DataFrame(_rows(values, settings), columns=METRICS.schema.names)
    return rows.sort_values(list(METRICS.key), ignore_index=True)


def _rows(values: pd.DataFrame, settings: MetricsSettings) -> Iterator[dict[str, object]]:
    for group, over_all in values.groupby(GROUP, sort=True):
        names = dict(zip(GROUP, group, strict=True))
        yield names | {"category": ALL} | _summary(over_all, settings, derive_seed(settings.seed, *group, ALL))
        for category, within in over_all.groupby("category", sort=True):
            seed = derive_seed(settings.seed, *group, str(category))
            yield names | {"category": category} | _summary(within, settings, seed)


def _summary(values: pd.DataFrame, settings: MetricsSettings, seed: int) -> dict[str, object]:
    scored = values[values.value.notna()]
    row = {"seeds": values.seed.nunique(), "n": len(scored), "unscored": len(values) - len(scored)}
    if scored.empty:
        return row | {"value": None, "low": None, "high": None, "interval": "none"}
    mean = float(scored.value.mean())
    if _is_one_rate(scored):
        low, high = wilson(int(scored.value.sum()), len(scored), settings.confidence)
        return row | {"value": mean, "low": low, "high": high, "interval": "wilson"}
    low, high = bootstrap_interval(
        scored.value.to_numpy(),
        prompts=scored.prompt_id.to_numpy(),
        seeds=scored.seed.to_numpy(),
        samples=settings.bootstrap_samples,
        confidence=settings.confidence,
        seed=seed,
    )
    return row | {"value": mean, "low": low, "high": high, "interval": "bootstrap"}


def _is_one_rate(scored: pd.DataFrame) -> bool:
    """Whether the values are independent 0/1 outcomes: a rate, with each prompt seen once."""
    is_rate = scored.metric.iat[0] not in (SAFETY_SCORE, COMPLETION_TOKENS)
    return is_rate and not scored[["benchmark", "prompt_id"]].duplicated().any()


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--rollouts", required=True, nargs="+", type=Path, help="rollouts of every run")
    parser.add_argument("--verdicts", required=True, nargs="+", type=Path, help="verdicts of every judge and run")
    parser.add_argument("--output", required=True, type=Path, help="metrics table to write")
    arguments = parser.parse_args()
    settings = parse_settings(MetricsSettings, arguments.settings)
    rollouts = pd.concat([ROLLOUTS.read(path) for path in arguments.rollouts], ignore_index=True)
    verdicts = pd.concat([VERDICTS.read(path) for path in arguments.verdicts], ignore_index=True)
    METRICS.write(arguments.output, metrics(rollouts, verdicts, settings))


if __name__ == "__main__":
    run(main)

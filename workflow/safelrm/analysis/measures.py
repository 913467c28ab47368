"""Means of what the trace analyses measured, with their intervals.

Input:  the tables of all analyses on all models.
Output: the table MEASURES (analysis/schemas.py). A row is about an arm in one decoding mode, over all its seeds, and
        about one benchmark.

An interval is a bootstrap over prompts and seeds. `safelrm.analysis.bootstrap` says what it means for two seeds. If all
values are equal, it has no width, and says nothing of other prompts.
"""

from collections.abc import Iterator

import pandas as pd

from safelrm.analysis.bootstrap import bootstrap_interval
from safelrm.analysis.files import results_parser
from safelrm.analysis.schemas import ANALYSES, MEASURES, MEASURES_KEY
from safelrm.analysis.settings import MeasuresJobSettings
from safelrm.core.cli import parse_settings, run
from safelrm.core.seeds import derive_seed

GROUP = list(MEASURES_KEY)


def measures(values: pd.DataFrame, settings: MeasuresJobSettings) -> pd.DataFrame:
    """The rows of MEASURES, from rows of ANALYSES."""
    return pd.DataFrame(_rows(values, settings), columns=MEASURES.schema.names)


def _rows(values: pd.DataFrame, settings: MeasuresJobSettings) -> Iterator[dict[str, object]]:
    for group, samples in values.groupby(GROUP, sort=True):
        names = dict(zip(GROUP, group, strict=True))
        declared = settings.analyses[names["analysis"]][names["measure"]]
        seed = derive_seed(settings.seed, "measures", *group)
        yield names | declared.model_dump(exclude={"optional"}) | _summary(samples, settings, seed)


def _summary(samples: pd.DataFrame, settings: MeasuresJobSettings, seed: int) -> dict[str, object]:
    measured = samples[samples.value.notna()]
    counts = {"seeds": samples.seed.nunique(), "n": len(measured), "missing": len(samples) - len(measured)}
    interval = bootstrap_interval(
        measured.value.tolist(),
        prompts=measured.prompt_id.tolist(),
        seeds=measured.seed.tolist(),
        samples=settings.bootstrap_samples,
        confidence=settings.confidence,
        seed=seed,
    )
    if interval is None:
        return counts | {"value": None, "low": None, "high": None}
    return counts | {"value": float(measured.value.mean()), "low": interval.low, "high": interval.high}


def main() -> None:
    """Run the stage."""
    arguments = results_parser(__doc__, "analyses", "output").parse_args()
    settings = parse_settings(MeasuresJobSettings, arguments.settings)
    values = pd.concat([ANALYSES.read(path) for path in arguments.analyses], ignore_index=True)
    MEASURES.write(arguments.output, measures(values, settings))


if __name__ == "__main__":
    run(main)

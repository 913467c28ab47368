"""Means of what the trace analyses measured, with their intervals.

Input:  the tables of all analyses on all models.
Output: the table MEASURES (analysis/schemas.py). A row is about an arm in one decoding mode, over all its seeds, and
        about one benchmark.

An interval is a t interval over prompts and seeds. `safelrm.analysis.intervals` says what it is about. If all values
are equal, it has no width, and says nothing of other prompts.
"""

import math
from collections.abc import Iterator

import pandas as pd

from safelrm.analysis.files import results_parser
from safelrm.analysis.intervals import UNBOUNDED, Observations, mean_of
from safelrm.analysis.schemas import ANALYSES, MEASURES, MEASURES_KEY
from safelrm.analysis.settings import MeasuresJobSettings
from safelrm.core.cli import parse_settings, run

GROUP = list(MEASURES_KEY)
# where the values of a unit lie
BOUNDS = {"share": (0.0, 1.0), "tokens": (0.0, math.inf)}


def measures(values: pd.DataFrame, settings: MeasuresJobSettings) -> pd.DataFrame:
    """The rows of MEASURES, from rows of ANALYSES."""
    return pd.DataFrame(_rows(values, settings), columns=MEASURES.schema.names)


def _rows(values: pd.DataFrame, settings: MeasuresJobSettings) -> Iterator[dict[str, object]]:
    for group, samples in values.groupby(GROUP, sort=True):
        names = dict(zip(GROUP, group, strict=True))
        declared = settings.analyses[names["analysis"]][names["measure"]]
        bounds = BOUNDS.get(declared.unit, UNBOUNDED)
        yield names | declared.model_dump(exclude={"optional"}) | _summary(samples, settings.confidence, bounds)


def _summary(samples: pd.DataFrame, confidence: float, bounds: tuple[float, float]) -> dict[str, object]:
    measured = samples[samples.value.notna()]
    counts = {"seeds": samples.seed.nunique(), "n": len(measured), "missing": len(samples) - len(measured)}
    mean = mean_of(Observations(measured.value.tolist(), measured.prompt_id.tolist(), measured.seed.tolist()))
    if mean is None:
        return counts | {"value": None, "low": None, "high": None}
    interval = mean.interval(confidence, bounds)
    low, high = (None, None) if interval is None else interval
    return counts | {"value": mean.value, "low": low, "high": high}


def main() -> None:
    """Run the stage."""
    arguments = results_parser(__doc__, "analyses", "output").parse_args()
    settings = parse_settings(MeasuresJobSettings, arguments.settings)
    values = pd.concat([ANALYSES.read(path) for path in arguments.analyses], ignore_index=True)
    MEASURES.write(arguments.output, measures(values, settings))


if __name__ == "__main__":
    run(main)

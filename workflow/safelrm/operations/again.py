"""One number of a results table made again from samples and verdicts, and the samples that it is over."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from safelrm.analysis.calibration import calibration, paired
from safelrm.analysis.differences import differences
from safelrm.analysis.metrics import metrics
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.schemas import ALL, CALIBRATION, DIFFERENCES, METRICS, WHOLE
from safelrm.analysis.settings import CalibrationSettings, ComparisonSettings, MetricsJobSettings
from safelrm.generation.schemas import ROLLOUT_KEY, SAMPLES
from safelrm.judging.schemas import VERDICTS

TABLES = {"metrics": METRICS, "differences": DIFFERENCES, "calibration": CALIBRATION}


@dataclass(frozen=True)
class Side:
    """The runs that a number, or one side of a difference, is over, and what it says of them."""

    model: str
    arm: str
    decoding: str
    metric: str = WHOLE
    benchmark: str = ALL
    category: str = ALL
    part: str = WHOLE


def sides(number: pd.Series) -> list[Side]:
    """The sides of a number: two of a difference, else one."""
    own = {key: number[key] for key in Side.__dataclass_fields__ if key in number}
    if "against_model" not in number:
        return [Side(**own)]
    other = {key: number[f"against_{key}"] for key in ("model", "arm", "decoding", "part")}
    return [Side(**own), Side(**own | other)]


class Remaker:
    """Makes numbers of a study again.

    Args:
        results: folder with `samples.parquet` and `verdicts`.
        metrics: settings of the metrics.
        comparisons: settings of the comparisons.
        calibration: settings of the calibration; None if the study has none.
    """

    def __init__(
        self,
        results: Path,
        metrics: MetricsJobSettings,
        comparisons: ComparisonSettings,
        calibration: CalibrationSettings | None,
    ) -> None:
        self.results, self.metrics, self.comparisons, self.calibration = results, metrics, comparisons, calibration

    def verdict_file(self, judge: str, model: str) -> Path:
        """The verdicts of a judge on a model."""
        return self.results / "verdicts" / judge / f"{model}.parquet"

    def judges(self, number: pd.Series) -> list[str]:
        """The judges behind a number."""
        return [number[key] for key in ("judge", "reference") if number.get(key, WHOLE) != WHOLE]

    def again(self, number: pd.Series) -> pd.DataFrame:
        """The rows of the number's table that its samples give."""
        if "reference" in number:
            settings = self.calibration.model_copy(update={"judges": [number.judge]})
            return calibration(self._verdicts_of(number), settings)
        if "against_model" in number:
            return differences(outcomes(*self._of_runs(number), self.metrics), self.comparisons)
        return metrics(*self._of_runs(number), self.metrics)

    def samples(self, number: pd.Series) -> pd.DataFrame:
        """The samples that a number is over: with `value` and what its judge says, or with what both judges say."""
        if "reference" in number:
            pairs = paired(*(rows for _, rows in self._verdicts_of(number).groupby("judge", sort=False)))
            chosen = pairs.part == number.part
            return pairs[chosen if number.prompts == ALL else chosen & (pairs.kind == number.prompts)]
        samples, verdicts = self._of_runs(number)
        values = outcomes(samples, verdicts, self.metrics)
        chosen = [_judged(values[_is_of(values, side)], verdicts, number.judge, side) for side in sides(number)]
        return pd.concat(chosen, ignore_index=True)

    def _of_runs(self, number: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Samples and verdicts of the number's runs."""
        wanted = {(side.model, side.arm, side.decoding) for side in sides(number)}
        models = sorted({model for model, _, _ in wanted})
        settings = self.metrics
        judges = sorted({settings.safety_judge, settings.refusal_judge, settings.accuracy_judge})
        samples = SAMPLES.read(self.results / "samples.parquet")
        samples = samples[[run in wanted for run in zip(samples.model, samples.arm, samples.decoding, strict=True)]]
        verdicts = pd.concat([VERDICTS.read(self.verdict_file(judge, model)) for judge in judges for model in models])
        return samples, verdicts.merge(samples[list(ROLLOUT_KEY)], on=list(ROLLOUT_KEY))

    def _verdicts_of(self, number: pd.Series) -> pd.DataFrame:
        """What both judges of a calibration say of the number's runs, the judge first."""
        found = [VERDICTS.read(self.verdict_file(judge, number.model)) for judge in self.judges(number)]
        return pd.concat([rows[(rows.arm == number.arm) & (rows.decoding == number.decoding)] for rows in found])


def _judged(values: pd.DataFrame, verdicts: pd.DataFrame, judge: str, side: Side) -> pd.DataFrame:
    """The values, with what a judge says of the side's part, or of all parts; as they are where none is asked."""
    values = values[[*ROLLOUT_KEY, "metric", "value"]]
    if judge == WHOLE:
        return values
    said = verdicts[(verdicts.judge == judge) & ((verdicts.part == side.part) | (side.part == WHOLE))]
    return values.merge(said[[*ROLLOUT_KEY, "judge", "part", "verdict", "score", "state"]], on=list(ROLLOUT_KEY))


def _is_of(values: pd.DataFrame, side: Side) -> pd.Series:
    keys = [key for key in Side.__dataclass_fields__ if not (key == "category" and side.category == ALL)]
    return (values[keys] == pd.Series({key: getattr(side, key) for key in keys})).all(axis=1)

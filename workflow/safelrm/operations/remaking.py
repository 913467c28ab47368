"""One number of a results table, made again from what was judged or measured, and the samples behind the number."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from safelrm.analysis.calibrate import calibration, paired
from safelrm.analysis.claims_schemas import CLAIMS
from safelrm.analysis.differences import differences
from safelrm.analysis.files import read_judged
from safelrm.analysis.measures import measures
from safelrm.analysis.memorisation import memorisation
from safelrm.analysis.memorisation_schemas import MEMORISATION, MIN_K
from safelrm.analysis.memorisation_settings import MemorisationJobSettings
from safelrm.analysis.metrics import metrics
from safelrm.analysis.outcomes import outcomes
from safelrm.analysis.schemas import (
    ALL,
    ANALYSES,
    CALIBRATION,
    DIFFERENCES,
    MEASURES,
    MEASURES_KEY,
    METRICS,
    WHOLE,
)
from safelrm.analysis.settings import (
    CalibrationSettings,
    ComparisonSettings,
    MeasuresJobSettings,
    MetricsJobSettings,
    judges_of_metrics,
)
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.judging.fields import judge_of, said_by
from safelrm.judging.schemas import VERDICTS
from safelrm.operations.remade_claims import RemadeClaims
from safelrm.operations.remade_sheets import SHEETS, RemadeSheets, is_of_analysis, is_of_entropy

TABLES = {
    "metrics": METRICS,
    "differences": DIFFERENCES,
    "calibration": CALIBRATION,
    "measures": MEASURES,
    "memorisation": MEMORISATION,
    "claims": CLAIMS,
    **SHEETS,
}
# what an outcome and a number share; a number over all categories has outcomes of each
SHARED = ("model", "arm", "decoding", "metric", "benchmark", "category", "part")
SAID = ("judge", "field", "part", "verdict", "score", "state")


def is_of_texts(number: pd.Series) -> bool:
    """Whether a number is about the texts of a data set, and not about what a run has answered."""
    return "auroc_low" in number


def is_of_sheet(number: pd.Series) -> bool:
    """Whether a number is of a table for readers."""
    return "number" in number or is_of_entropy(number)


def judges_of(number: pd.Series) -> list[str]:
    """The judges behind a number."""
    return [number[key] for key in ("judge", "reference") if number.get(key, WHOLE) != WHOLE]


@dataclass(frozen=True)
class RemadeResults:
    """Samples and verdicts of a study, and the settings of its tables.

    Attributes:
        folder: the folder with `samples.parquet` and `verdicts`.
        metrics: settings of the metrics.
        comparisons: settings of the comparisons.
        calibration: settings of the calibration; None if the study has none.
        measures: settings of the means of the trace analyses.
        memorisation: settings of what Min-K% says of data sets.
        claims: the claims.
        sheets: what tables for readers are made from.
    """

    folder: Path
    metrics: MetricsJobSettings
    comparisons: ComparisonSettings
    calibration: CalibrationSettings | None
    measures: MeasuresJobSettings
    memorisation: MemorisationJobSettings
    claims: RemadeClaims
    sheets: RemadeSheets

    def verdict_file(self, judge: str, model: str) -> Path:
        """The verdicts of a judge, which may be named with a field, on a model."""
        return self.folder / "verdicts" / judge_of(judge) / f"{model}.parquet"

    def analysis_file(self, analysis: str, model: str) -> Path:
        """What a trace analysis says of a model."""
        return self.folder / "analyses" / analysis / f"{model}.parquet"

    def min_k_file(self, model: str) -> Path:
        """Min-K% of the texts of data sets under a base."""
        return self.folder / "min_k" / f"{model}.parquet"

    def sides_of(self, number: pd.Series) -> list[pd.Series]:
        """The sides of a difference or a claim, each named like a number of its own; any other number is its only side.

        A reflection that an analysis has counted names the analysis.
        """
        if "claim" in number:
            return self.claims.sides(number, self.claims.values_and_verdicts()[0])
        if is_of_analysis(number):
            return [pd.Series(number.to_dict() | {"analysis": SHEETS["reflection"].name})]
        if "against_model" not in number:
            return [number]
        against = {key: number[f"against_{key}"] for key in ("model", "arm", "decoding", "part")}
        return [number, pd.Series(number.to_dict() | against)]

    def remade(self, number: pd.Series) -> pd.DataFrame:
        """The rows of the number's table that its samples give."""
        if is_of_texts(number):
            return memorisation(self._read(number), self.memorisation)
        if is_of_sheet(number):
            return self.sheets.remade(number)
        if "claim" in number:
            return self.claims.remade()
        if "measure" in number:
            return measures(self._analysed(number), self.measures)
        if "reference" in number:
            settings = self.calibration.model_copy(update={"judges": [number.judge]})
            return calibration(self._verdicts_of_judges(number), settings)
        if "against_model" in number:
            rows = differences(outcomes(*self._samples_and_verdicts(number), self.metrics), self.comparisons)
            # its family is in the whole table
            return rows.assign(p_holm=number.p_holm)
        return metrics(*self._samples_and_verdicts(number), self.metrics)

    def samples_behind(self, number: pd.Series) -> pd.DataFrame:
        """The samples behind a number, with their values and the judge's verdicts, or with both judges' verdicts."""
        if is_of_texts(number):
            rows = self._read(number)
            return rows[rows.dataset == number.dataset]
        if is_of_sheet(number):
            return self.sheets.rows_behind(number)
        if "measure" in number:
            return self._analysed(number)[[*ROLLOUT_KEY, "category", "value"]]
        if "reference" in number:
            said = self._verdicts_of_judges(number)
            pairs = paired(*(said_by(said, judge) for judge in judges_of(number)))
            pairs = pairs[pairs.part == number.part]
            return pairs if number.prompts == ALL else pairs[pairs.kind == number.prompts]
        if "claim" in number:
            values, verdicts = self.claims.values_and_verdicts()
            sides = self.claims.sides(number, values)
        else:
            samples, verdicts = self._samples_and_verdicts(number)
            values, sides = outcomes(samples, verdicts, self.metrics), self.sides_of(number)
        return pd.concat([_samples_of(side, values, verdicts) for side in sides], ignore_index=True)

    def _read(self, number: pd.Series) -> pd.DataFrame:
        """Min-K% of all texts that the number's base has read, at the number's K."""
        rows = MIN_K.read(self.min_k_file(number.model))
        return rows[rows.k == number.k]

    def _analysed(self, number: pd.Series) -> pd.DataFrame:
        """What the number's analysis measured of each of its samples."""
        rows, key = ANALYSES.read(self.analysis_file(number.analysis, number.model)), list(MEASURES_KEY)
        return rows[(rows[key] == number[key]).all(axis=1)]

    def _samples_and_verdicts(self, number: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Samples of the number's runs, and what the judges of the metrics say of them."""
        runs = {(side.model, side.arm, side.decoding) for side in self.sides_of(number)}
        judges = judges_of_metrics(self.metrics)
        models = sorted({model for model, _, _ in runs})
        files = [self.verdict_file(judge, model) for judge in judges for model in models]
        samples, verdicts = read_judged(self.folder / "samples.parquet", files)
        samples = samples[[run in runs for run in zip(samples.model, samples.arm, samples.decoding, strict=True)]]
        return samples, verdicts.merge(samples[list(ROLLOUT_KEY)], on=list(ROLLOUT_KEY))

    def _verdicts_of_judges(self, number: pd.Series) -> pd.DataFrame:
        """What both judges of a calibration say of the number's runs. The judge comes first, then the reference."""
        files = dict.fromkeys(self.verdict_file(judge, number.model) for judge in judges_of(number))
        found = [VERDICTS.read(file) for file in files]
        return pd.concat([rows[(rows.arm == number.arm) & (rows.decoding == number.decoding)] for rows in found])


def _samples_of(side: pd.Series, values: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    shared = side[[key for key in SHARED if (key, side[key]) != ("category", ALL)]]
    rows = values.loc[(values[shared.index] == shared).all(axis=1), [*ROLLOUT_KEY, "metric", "value"]]
    if side.judge == WHOLE:
        return rows
    said = said_by(verdicts, side.judge)
    said = said[(said.part == side.part) | (side.part == WHOLE)]
    return rows.merge(said[[*ROLLOUT_KEY, *SAID]], on=list(ROLLOUT_KEY))

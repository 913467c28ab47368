"""Numbers of the tables *reflection* and *entropy*, made again from what was read of samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from safelrm.analysis.entropy_schemas import ENTROPIES, ENTROPY_MEANS, MEANS_KEY
from safelrm.analysis.files import DECIMALS
from safelrm.analysis.schemas import ANALYSES
from safelrm.analysis.settings import TableSettings
from safelrm.analysis.trajectory_schemas import REFLECTION, TRAJECTORIES
from safelrm.reporting.reflection_numbers import AFTER, COUNTS, GROUP, reflection_numbers
from safelrm.reporting.results import Results
from safelrm.reporting.sheets import entropy

# by the names that docs/traces.md gives them
SHEETS = {"reflection": REFLECTION, "entropy": ENTROPY_MEANS}


def is_of_entropy(number: pd.Series) -> bool:
    """Whether a number is of the table *entropy*."""
    return "top_entropy" in number


def is_of_analysis(number: pd.Series) -> bool:
    """Whether a number is of the table *reflection*, by the analysis that counts markers."""
    return number.get("number") in COUNTS


def is_of_trajectories(number: pd.Series) -> bool:
    """Whether a number is of the table *reflection*, by the guard that reads sentences."""
    return "number" in number and not is_of_analysis(number)


@dataclass(frozen=True)
class RemadeSheets:
    """What was read of the samples of a study, and what its tables for readers are told.

    Attributes:
        folder: the folder with `analyses` and `trajectory`.
        settings: the models of the study and the level of intervals.
        entropies: the tables of entropies, a file for each run.
    """

    folder: Path
    settings: TableSettings
    entropies: Sequence[Path]

    def trajectory_file(self, model: str) -> Path:
        """What a guard says of the traces of a model, sentence by sentence."""
        return self.folder / "trajectory" / f"{model}.parquet"

    def entropy_files(self, number: pd.Series) -> list[Path]:
        """The entropies of the number's runs, a file for each seed."""
        return [path for path in self.entropies if path.parts[-3:-1] == (number.model, number.arm)]

    def remade(self, number: pd.Series) -> pd.DataFrame:
        """The rows of the number's table that its samples give, rounded as in the table."""
        rows = self.rows_behind(number)
        if is_of_entropy(number):
            return entropy.rows(Results({"entropies": rows}, self.settings)).round(DECIMALS)
        of_other = ANALYSES if is_of_trajectories(number) else TRAJECTORIES
        parts = [rows, pd.DataFrame(columns=of_other.schema.names)]
        measured, trajectories = reversed(parts) if is_of_trajectories(number) else parts
        return reflection_numbers(measured, trajectories, self.settings.models, self.settings.confidence).round(
            DECIMALS
        )

    def rows_behind(self, number: pd.Series) -> pd.DataFrame:
        """What was read of the number's traces or samples; of numbers about reflections, the sentences that reflect."""
        if is_of_entropy(number):
            rows = pd.concat([ENTROPIES.read(path) for path in self.entropy_files(number)], ignore_index=True)
            return _of_number(rows, number, MEANS_KEY)
        if is_of_trajectories(number):
            rows = _of_number(TRAJECTORIES.read(self.trajectory_file(number.model)), number, GROUP)
            return rows[rows.reflection] if number.number in AFTER else rows
        rows = ANALYSES.read(self.folder / "analyses" / REFLECTION.name / f"{number.model}.parquet")
        return _of_number(rows[rows.measure == number.number], number, GROUP)


def _of_number(rows: pd.DataFrame, number: pd.Series, key: Sequence[str]) -> pd.DataFrame:
    return rows[(rows[[*key]] == number[[*key]]).all(axis=1)]

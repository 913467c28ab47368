"""Claims made again: the samples that they are about, and the sides of each."""

from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from safelrm.analysis.claim_effects import effects, part_of, rows_of
from safelrm.analysis.claims import claimed_values, claims
from safelrm.analysis.claims_settings import OF_ANALYSES, ClaimsJobSettings
from safelrm.analysis.files import read_judged
from safelrm.analysis.schemas import WHOLE
from safelrm.analysis.settings import judges_of_metrics


@dataclass(frozen=True)
class RemadeClaims:
    """Samples, verdicts and trace analyses of a study, and its claims.

    Attributes:
        folder: the folder with `samples.parquet`, `verdicts` and `analyses`.
        settings: the claims.
    """

    folder: Path
    settings: ClaimsJobSettings

    def remade(self) -> pd.DataFrame:
        """All rows of CLAIMS: Holm's correction is over the whole table."""
        return claims(self.values_and_verdicts()[0], self.settings)

    def values_and_verdicts(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The values of all samples that claims may be about, and what the judges of the metrics say of them."""
        metrics = [declared.claim.metric for declared in self.settings.claims]
        analyses = dict.fromkeys(_analysis(metric) for metric in metrics if metric.startswith(OF_ANALYSES))
        judges = judges_of_metrics(self.settings)
        samples, verdicts = read_judged(self.folder / "samples.parquet", self._files("verdicts", judges))
        return claimed_values(samples, verdicts, self._files("analyses", [*analyses]), self.settings), verdicts

    def sides(self, number: pd.Series, values: pd.DataFrame) -> list[pd.Series]:
        """The means that an effect is made of, each named like a number of its own.

        Args:
            number: a row of CLAIMS.
            values: the values of all samples.
        """
        claim = next(declared.claim for declared in self.settings.claims if declared.name == number.claim)
        found = effects(claim, self.settings, part_of(claim, values))
        means = next(effect.means for effect in found if effect.model == number.model)
        of_metric = values[values.metric == claim.metric]
        named = {"metric": claim.metric, "category": number.category, "judge": WHOLE}
        if claim.metric.startswith(OF_ANALYSES):
            named["analysis"] = _analysis(claim.metric)
        sides = []
        for mean in means:
            rows = rows_of(mean, of_metric)[["part", "judge"]]
            sides.append(pd.Series(asdict(mean) | named | (rows.iloc[0].to_dict() if len(rows) else {})))
        return sides

    def _files(self, kind: str, names: list[str]) -> list[Path]:
        return [self.folder / kind / name / f"{model.name}.parquet" for name in names for model in self.settings.models]


def _analysis(metric: str) -> str:
    """The trace analysis of `analyses.<name>.<measure>`."""
    return metric.split(".")[1]

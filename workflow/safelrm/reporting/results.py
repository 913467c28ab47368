"""What a figure draws: the numbers of a study, looked up by run."""

from dataclasses import dataclass

import pandas as pd

from safelrm.analysis.order import in_order, of_first_mode
from safelrm.analysis.schemas import ALL, SAFETY
from safelrm.analysis.settings import FigureSettings
from safelrm.core.errors import SafeLRMError
from safelrm.judging.schemas import BOTH

BASE = "base"


@dataclass(frozen=True)
class Results:
    """The metrics and differences of a study, and what its figures show of them."""

    metrics: pd.DataFrame
    differences: pd.DataFrame
    settings: FigureSettings

    @property
    def reasoning_models(self) -> list[str]:
        """All models but the reference, in order."""
        return [model.name for model in self.settings.models if model.name != self.settings.reference_model]

    @property
    def reference_model(self) -> str:
        """The model that does not reason.

        Raises:
            SafeLRMError: the study names none.
        """
        if self.settings.reference_model is None:
            raise SafeLRMError("missing", key="metrics.reference_model", fix="name one, or do not ask for this figure")
        return self.settings.reference_model

    @property
    def safety_benchmark(self) -> str:
        """The harmful prompts to show.

        Raises:
            SafeLRMError: there are several, and the settings name none of them.
        """
        found = sorted(set(self.metrics[self.metrics.metric == SAFETY].benchmark))
        chosen = self.settings.safety_benchmark or (found[0] if len(found) == 1 else None)
        if chosen not in found:
            raise SafeLRMError(
                f"must be one of {found}", key="metrics.safety_benchmark", fix="name the benchmark that figures show"
            )
        return chosen

    @property
    def safety_judge(self) -> str:
        """The judge behind the numbers on safety."""
        return self.metrics[self.metrics.metric == SAFETY].judge.iat[0]

    def scored(self, metric: str, category: str = ALL) -> pd.DataFrame:
        """The rows of a metric that have a value, in each model's first decoding mode, in order."""
        rows = self.metrics[(self.metrics.metric == metric) & (self.metrics.category == category)]
        rows = rows[rows.value.notna()]
        return in_order(of_first_mode(rows, self.settings.models), self.settings.models)

    def safety(self, model: str, part: str, *, arm: str = BASE, decoding: str | None = None) -> pd.DataFrame:
        """Safety of a run by category and over all: value, low and high, by category.

        Args:
            model: the model.
            part: t, y or t+y.
            arm: the arm.
            decoding: the decoding mode, or None for the model's first.
        """
        mode = decoding or self.decodings(model)[0]
        rows = self.metrics[
            (self.metrics.metric == SAFETY)
            & (self.metrics.benchmark == self.safety_benchmark)
            & (self.metrics.model == model)
            & (self.metrics.arm == arm)
            & (self.metrics.decoding == mode)
            & (self.metrics.part == part)
            & self.metrics.value.notna()
        ]
        return rows.set_index("category")[["value", "low", "high"]]

    def decodings(self, model: str) -> list[str]:
        """The decoding modes of a model, in order."""
        return next(list(entry.decodings) for entry in self.settings.models if entry.name == model)

    def overall_safety(self) -> pd.DataFrame:
        """Safety of every arm on t+y over all categories of the safety benchmark, one row per arm."""
        rows = self.scored(SAFETY)
        return rows[(rows.part == BOTH) & (rows.benchmark == self.safety_benchmark)]

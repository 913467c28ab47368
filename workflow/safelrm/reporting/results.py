"""The numbers of a study, looked up by run, as figures and tables need them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

import pandas as pd

from safelrm.analysis.layout import BASE, in_order, of_first_mode
from safelrm.analysis.schemas import ALL, SAFETY
from safelrm.analysis.settings import FigureSettings
from safelrm.core.errors import SafeLRMError
from safelrm.judging.schemas import BOTH


@dataclass(frozen=True)
class Results:
    """The numbers of a study, and look-ups for its figures and tables.

    Attributes:
        tables: the tables that the module of a figure or table declares, by the names in its INPUTS.
        study: the models and the level of intervals. A figure is also told which models and prompts figures show.
        module: that module, for messages.
    """

    tables: Mapping[str, pd.DataFrame]
    study: FigureSettings
    module: str = ""

    def __getitem__(self, name: str) -> pd.DataFrame:
        """The table of that name.

        Raises:
            SafeLRMError: INPUTS do not name it.
        """
        if name not in self.tables:
            raise SafeLRMError(
                f"uses `{name}`, and its INPUTS name {sorted(self.tables)}",
                file=self.module,
                key="INPUTS",
                fix=f"add `{name}` to INPUTS",
            )
        return self.tables[name]

    @property
    def metrics(self) -> pd.DataFrame:
        """Rows of METRICS."""
        return self["metrics"]

    @property
    def seeds(self) -> pd.DataFrame:
        """Rows of SEEDS."""
        return self["seeds"]

    @property
    def differences(self) -> pd.DataFrame:
        """Rows of DIFFERENCES."""
        return self["differences"]

    @property
    def reasoning_models(self) -> list[str]:
        """All models except the reference model, in order."""
        return [model.name for model in self.study.models if model.name != self.study.reference_model]

    @property
    def reference_model(self) -> str:
        """The model that does not reason.

        Raises:
            SafeLRMError: the study names no such model.
        """
        if self.study.reference_model is None:
            raise SafeLRMError(
                "missing", key="metrics.reference_model", fix="name a reference model, or do not ask for this figure"
            )
        return self.study.reference_model

    @property
    def safety_benchmark(self) -> str:
        """The benchmark of harmful prompts that figures show.

        Raises:
            SafeLRMError: the metrics hold several, and the settings name none of them.
        """
        found = sorted(set(self.metrics[self.metrics.metric == SAFETY].benchmark))
        chosen = self.study.safety_benchmark or (found[0] if len(found) == 1 else None)
        if chosen not in found:
            raise SafeLRMError(
                f"must be one of {found}", key="metrics.safety_benchmark", fix="name the benchmark that figures show"
            )
        return chosen

    @property
    def safety_judge(self) -> str:
        """The judge of the numbers on safety."""
        return self.metrics[self.metrics.metric == SAFETY].judge.iat[0]

    def scored(self, metric: str, category: str = ALL) -> pd.DataFrame:
        """The rows of a metric with a value, in the first decoding mode of each model, in order."""
        rows = self.metrics[(self.metrics.metric == metric) & (self.metrics.category == category)]
        rows = rows[rows.value.notna()]
        return in_order(of_first_mode(rows, self.study.models), self.study.models)

    def safety(self, model: str, part: str, *, arm: str = BASE, decoding: str | None = None) -> pd.DataFrame:
        """Safety of a run on the safety benchmark, by category and over all categories.

        Args:
            model: name of the model.
            part: t, y or t+y.
            arm: name of the arm.
            decoding: the decoding mode; None stands for the first mode of the model.

        Returns:
            `value`, `low` and `high`, with the category as index. Categories without value are left out.
        """
        rows = self._safety_of_run(self.metrics, model, part, arm, decoding)
        return rows.set_index("category")[["value", "low", "high"]]

    def safety_of_seeds(
        self, model: str, part: str, *, arm: str = BASE, decoding: str | None = None
    ) -> tuple[float, ...]:
        """Safety of each seed of a run on the safety benchmark, over all categories; none of a run with one seed.

        The arguments are those of `safety`.
        """
        values = tuple(self._safety_of_run(self.seeds, model, part, arm, decoding).value)
        return values if len(values) > 1 else ()

    def _safety_of_run(
        self, table: pd.DataFrame, model: str, part: str, arm: str, decoding: str | None
    ) -> pd.DataFrame:
        """The rows of a run's safety on the safety benchmark, of METRICS or SEEDS, that have a value."""
        return table[
            (table.metric == SAFETY)
            & (table.benchmark == self.safety_benchmark)
            & (table.model == model)
            & (table.arm == arm)
            & (table.decoding == (decoding or self.decodings(model)[0]))
            & (table.part == part)
            & table.value.notna()
        ]

    def decodings(self, model: str) -> list[str]:
        """The decoding modes of a model, in order."""
        return next(list(entry.decodings) for entry in self.study.models if entry.name == model)

    def overall_safety(self) -> pd.DataFrame:
        """Safety of every arm of every model on t+y, over all categories of the safety benchmark: one row each."""
        rows = self.scored(SAFETY)
        return rows[(rows.part == BOTH) & (rows.benchmark == self.safety_benchmark)]


@dataclass(frozen=True)
class Registered:
    """The module of a figure or table, and the arguments of its functions: the results, and its own settings if any."""

    module: ModuleType
    arguments: tuple

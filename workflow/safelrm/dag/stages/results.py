"""Numbers, tables and figures that are made from verdicts."""

from pydantic import BaseModel

from safelrm.analysis.settings import (
    ComparisonSettings,
    FigureSettings,
    MetricsJobSettings,
    TableSettings,
    judges_of_metrics,
)
from safelrm.dag.paths import result_file
from safelrm.dag.stages.common import Stages, Wildcards, settings_json
from safelrm.dag.stages.judging import verdict_files
from safelrm.judging.fields import judge_of


class ResultStages(Stages):
    """The jobs of `metrics`, `compare`, `calibrate`, `table` and `figure`."""

    def calibration_verdicts(self) -> list[str]:
        """The verdicts of the judges that the calibration compares."""
        calibration = self.study.calibration
        judges = [calibration.reference, *calibration.judges] if calibration else []
        return verdict_files(self.study, dict.fromkeys(map(judge_of, judges)))

    def calibration_settings(self) -> str:
        """Settings of the calibration."""
        return settings_json(self.study.calibration)

    def metrics_verdicts(self) -> list[str]:
        """The verdicts of the judges that the metrics are taken from."""
        metrics = self.study.metrics
        return verdict_files(self.study, judges_of_metrics(metrics) if metrics else [])

    def metrics_settings(self) -> str:
        """Settings of the metrics."""
        return self._settings(MetricsJobSettings)

    def comparison_settings(self) -> str:
        """Settings of the comparisons."""
        return self._settings(ComparisonSettings)

    def table_settings(self) -> str:
        """Settings of the tables."""
        return self._settings(TableSettings)

    def figure_settings(self) -> str:
        """Settings of the figures."""
        return self._settings(FigureSettings)

    def figure_code(self, wildcards: Wildcards) -> str:
        """Code hash of `figures` with one figure's module."""
        return self.code("safelrm.reporting.figures", f"safelrm.reporting.plots.{wildcards['figure']}")

    def figures(self) -> list[str]:
        """The figures that the study has something to show in."""
        methods: dict[str, set[str]] = {}
        for arm in self.study.arms:
            methods.setdefault(arm.model, set()).add(arm.method)
        with_base = {name for name, found in methods.items() if "base" in found}
        reasoning = with_base - {self.study.metrics.reference_model}
        shown = {
            "safety_gap": reasoning and reasoning < with_base,
            "trace_vs_answer": reasoning,
            "thinking": any(len(self.study.models[name].decodings) > 1 for name in reasoning),
            "sft_gain": any("sft" in methods[name] for name in reasoning),
            "tradeoff": True,
        }
        return [name for name, has_content in shown.items() if has_content]

    def tables(self) -> list[str]:
        """The tables of metrics that the study has something to show in."""
        modes = any(len(self.study.models[name].decodings) > 1 for name in self.study.compared_models())
        return ["summary", "safety_by_category", *(["decodings"] if modes else [])]

    def targets(self) -> list[str]:
        """Every table and figure."""
        names: list[str] = []
        if self.study.arms:
            names += [f"tables/{name}.md" for name in (*self.tables(), "differences")]
            names += [f"figures/{name}.svg" for name in self.figures()]
        if self.study.calibration:
            names.append("tables/calibration.md")
        return [result_file(self.study.name, name) for name in names]

    def numbers(self) -> list[str]:
        """The tables of numbers that all tables and figures are made from."""
        names = ("samples", "metrics", "differences", "calibration")
        return [result_file(self.study.name, f"{name}.parquet") for name in names]

    def _settings(self, model: type[BaseModel]) -> str:
        """The settings of a stage: of the section `metrics`, and of the models, what the stage's own model has."""
        if not self.study.metrics:
            return "{}"
        models = self.study.compared_models()
        modes = [{"name": name, "decodings": [*self.study.models[name].decodings]} for name in models]
        given = dict(self.study.metrics) | {"models": modes}
        return settings_json(model(**{key: value for key, value in given.items() if key in model.model_fields}))

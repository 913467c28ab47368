"""Numbers that are made from verdicts."""

from safelrm.analysis.settings import ComparisonSettings, MetricsJobSettings, judges_of_metrics
from safelrm.dag.paths import result_file
from safelrm.dag.stages.common import Stages, settings_json
from safelrm.dag.stages.judging import verdict_files
from safelrm.judging.fields import judge_of


class ResultStages(Stages):
    """The jobs of `metrics`, `compare` and `calibrate`."""

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
        return self.told(MetricsJobSettings)

    def comparison_settings(self) -> str:
        """Settings of the comparisons."""
        return self.told(ComparisonSettings)

    def targets(self) -> list[str]:
        """The tables of differences and of the calibration."""
        made = {"differences": self.study.arms, "calibration": self.study.calibration}
        return [result_file(self.study.name, f"tables/{name}.md") for name, wanted in made.items() if wanted]

    def numbers(self) -> list[str]:
        """The tables of numbers that all tables and figures are made from."""
        names = ("samples", "metrics", "seeds", "differences", "calibration")
        return [result_file(self.study.name, f"{name}.parquet") for name in names]

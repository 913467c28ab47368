"""What the rules after judging ask of a study, and what the study is made of."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from safelrm.analysis.settings import ComparisonSettings, FigureSettings, MetricsJobSettings, TableSettings
from safelrm.core.files import canonical_json
from safelrm.dag.codehash import ROOT, code_hash
from safelrm.dag.paths import data_file, guard_manifest, rollouts_file
from safelrm.dag.settings import Study


class ResultsPlan:
    """The runs of a study, its targets, and the parameters and inputs of the rules that make results."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.lock = ROOT.parent / study.lock

    def code(self, *modules: str) -> str:
        """The code hash of a stage, of the modules the configuration selects for it, and of a job's environment."""
        return _code(self.lock, *modules)

    def runs(self) -> Iterator[tuple[str, str, int]]:
        """Model, arm and seed of every run."""
        for arm in self.study.arms:
            for seed in arm.seeds:
                yield arm.model, arm.name, seed

    def rollout_files(self) -> list[str]:
        """The rollouts of every run."""
        return [rollouts_file(*run) for run in self.runs()]

    def _models(self) -> list[str]:
        return list(dict.fromkeys(arm.model for arm in self.study.arms))

    def _verdicts(self, judge: str, model: str) -> str:
        return f"results/{self.study.name}/verdicts/{judge}/{model}.parquet"

    def calibration_verdicts(self) -> list[str]:
        """The verdicts, on every model, of the judges that are compared."""
        calibration = self.study.calibration
        names = [calibration.reference, *calibration.judges] if calibration else []
        return [self._verdicts(judge, model) for judge in names for model in self._models()]

    def calibration_settings(self) -> str:
        """Settings of the calibration."""
        return settings_json(self.study.calibration) if self.study.calibration else "{}"

    def metrics_verdicts(self) -> list[str]:
        """The verdicts, on every model, of the judges that the metrics are taken from."""
        metrics = self.study.metrics
        names = {metrics.safety_judge, metrics.refusal_judge, metrics.accuracy_judge} if metrics else set()
        return [self._verdicts(judge, model) for judge in sorted(names) for model in self._models()]

    def metrics_settings(self) -> str:
        """Settings of the metrics."""
        return self._result_settings(MetricsJobSettings)

    def comparison_settings(self) -> str:
        """Settings of the comparisons."""
        return self._result_settings(ComparisonSettings)

    def table_settings(self) -> str:
        """Settings of the tables."""
        return self._result_settings(TableSettings)

    def figure_settings(self) -> str:
        """Settings of the figures."""
        return self._result_settings(FigureSettings)

    def figure_code(self, wildcards: Mapping[str, str]) -> str:
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
        modes = any(len(self.study.models[name].decodings) > 1 for name in self._models())
        return ["summary", "safety_by_category", *(["decodings"] if modes else [])]

    def _result_settings(self, model: type[BaseModel]) -> str:
        """The settings of a stage after judging, as far as its model has them."""
        if not self.study.metrics:
            return "{}"
        modes = [{"name": name, "decodings": [*self.study.models[name].decodings]} for name in self._models()]
        given = dict(self.study.metrics) | {"models": modes}
        return settings_json(model(**{key: value for key, value in given.items() if key in model.model_fields}))

    def named_datasets(self, names: list[str]) -> list[str]:
        """`name=path` of data sets, as stages take them."""
        return [f"{name}={data_file(name)}" for name in names]

    def dataset_files(self, names: list[str]) -> list[str]:
        """Paths of data sets."""
        return [data_file(name) for name in names]

    def audit_settings(self) -> str:
        """Settings of the audit."""
        return settings_json(self.study.audit) if self.study.audit else "{}"

    def audit_train(self) -> list[str]:
        """Names of the training sets that the audit compares."""
        return self.study.audit.train if self.study.audit else []

    def audit_evaluation(self) -> list[str]:
        """Names of the evaluation sets that the audit compares."""
        return self.study.audit.evaluation if self.study.audit else []

    def validation_files(self, wildcards: Mapping[str, str]) -> list[str]:
        """The labelled completions of a validation."""
        return [data_file(name) for name in self.study.validation[wildcards["validation"]].labelled]

    def validation_labelled(self, wildcards: Mapping[str, str]) -> list[str]:
        """`name=path` of the labelled completions of a validation."""
        return self.named_datasets(self.study.validation[wildcards["validation"]].labelled)

    def validation_judge(self, wildcards: Mapping[str, str]) -> str:
        """Module of the judge that a validation checks."""
        return self.study.validation[wildcards["validation"]].judge

    def validation_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of the judge that a validation checks."""
        return canonical_json(self.study.validation[wildcards["validation"]].settings)

    def validation_code(self, wildcards: Mapping[str, str]) -> str:
        """Code hash of `validate` with the judge that it checks."""
        return self.code("safelrm.judging.validate", self.validation_judge(wildcards))

    def pinned_files(self) -> list[str]:
        """Data sets, manifests of checkpoints, and rollouts: what DVC pins."""
        bases = [(model, "base", 0) for model in self.study.models]
        runs = [run for run in self.runs() if run[1] != "base"]
        manifests = [f"checkpoints/{model}/{arm}/seed{seed}/manifest.json" for model, arm, seed in [*bases, *runs]]
        guards = [guard_manifest(name) for name in self.study.guards]
        return [*self.dataset_files(list(self.study.datasets)), *manifests, *guards, *self.rollout_files()]

    def published_files(self) -> list[str]:
        """What a reader needs: the targets, and all that tables and figures are made from, without texts."""
        verdicts = [self._verdicts(judge, model) for judge in self.study.judges for model in self._models()]
        tables = ("samples", "metrics", "differences", "calibration")
        return [*self.targets(), *verdicts, *(f"results/{self.study.name}/{name}.parquet" for name in tables)]

    def targets(self) -> list[str]:
        """Every result of the study: what `snakemake` makes when nothing else is asked for."""
        results = Path("results") / self.study.name
        files: list[Path] = []
        if self.study.arms:
            files += [results / f"tables/{name}.md" for name in (*self.tables(), "differences")]
            files += [results / f"figures/{name}.svg" for name in self.figures()]
        if self.study.calibration:
            files.append(results / "tables/calibration.md")
        if self.study.audit:
            files += [results / f"audit/{name}.csv" for name in ("overlap", "lengths", "traces")]
        files += [results / f"validation/{name}.csv" for name in self.study.validation]
        return [str(path) for path in files]


def settings_json(settings: BaseModel) -> str:
    """Settings as stages take them."""
    return canonical_json(settings.model_dump(mode="json"))


@cache
def _code(lock: Path, *modules: str) -> str:
    return code_hash("safelrm.dag.environment", *modules, lock=lock)

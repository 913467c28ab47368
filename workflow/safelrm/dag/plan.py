"""What the rules ask of a study: files, settings and code of each job, by its wildcards."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from safelrm.core.files import canonical_json
from safelrm.dag.codehash import ROOT, code_hash
from safelrm.dag.study import dataset_path, judge_settings
from safelrm.settings.metrics import ComparisonSettings, FigureSettings, MetricsJobSettings, TableSettings
from safelrm.settings.rollouts import RolloutJobSettings
from safelrm.settings.study import Study


class Plan:
    """The parameters and inputs of every rule.

    Methods whose only argument is `wildcards` are input or parameter functions of rules.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.lock = ROOT.parent / study.lock

    def code(self, *modules: str) -> str:
        """The code hash of a stage, of the modules the configuration selects for it, and of a job's environment."""
        return code_hash("safelrm.dag.environment", *modules, lock=self.lock)

    # --- data sets

    def dataset_code(self, wildcards: Mapping[str, str]) -> str:
        """Code hash of `curate` with the source of one data set."""
        return self.code("safelrm.curate", self.study.datasets[wildcards["dataset"]].source)

    def dataset_source(self, wildcards: Mapping[str, str]) -> str:
        """Module of one data set's source."""
        return self.study.datasets[wildcards["dataset"]].source

    def dataset_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of one data set without its path, which is an input."""
        settings = self.study.datasets[wildcards["dataset"]].settings
        return canonical_json({key: value for key, value in settings.items() if key != "path"})

    def dataset_file(self, wildcards: Mapping[str, str]) -> list[str]:
        """The file that a data set is read from, if any."""
        path = dataset_path(self.study, wildcards["dataset"])
        return [] if path is None else [path]

    # --- training

    def base_corpus(self, wildcards: Mapping[str, str]) -> str:
        """The corpus that a model is trained on."""
        return _data(self.study.models[wildcards["model"]].corpus)

    def base_factory(self, wildcards: Mapping[str, str]) -> str:
        """Module of a model's factory."""
        return self.study.models[wildcards["model"]].factory

    def base_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of a model's factory."""
        return canonical_json(self.study.models[wildcards["model"]].settings)

    def base_seed(self, wildcards: Mapping[str, str]) -> int:
        """Seed of a model's factory."""
        return self.study.models[wildcards["model"]].seed

    def base_code(self, wildcards: Mapping[str, str]) -> str:
        """Code hash of `base` with a model's factory."""
        return self.code("safelrm.base", self.base_factory(wildcards))

    def guard_corpus(self, wildcards: Mapping[str, str]) -> str:
        """The general text of a guard's training."""
        return _data(self.study.guards[wildcards["guard"]].corpus)

    def guard_labels(self, wildcards: Mapping[str, str]) -> str:
        """The labelled texts of a guard's training."""
        return _data(self.study.guards[wildcards["guard"]].labels)

    def guard_seed(self, wildcards: Mapping[str, str]) -> int:
        """Seed of a guard's training."""
        return self.study.guards[wildcards["guard"]].seed

    def guard_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of a guard's training."""
        return _json(self.study.guards[wildcards["guard"]].training)

    def sft_data(self, wildcards: Mapping[str, str]) -> str:
        """The conversations of an SFT recipe."""
        return _data(self.study.sft[wildcards["recipe"]].dataset)

    def sft_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of an SFT recipe."""
        return _json(self.study.sft[wildcards["recipe"]])

    def rl_prompts(self, wildcards: Mapping[str, str]) -> list[str]:
        """The prompt sets of an RL recipe."""
        return [_data(share.dataset) for share in self.study.rl[wildcards["recipe"]].prompts]

    def rl_named_prompts(self, wildcards: Mapping[str, str]) -> list[str]:
        """`name=path` of the prompt sets of an RL recipe."""
        return self.named_datasets([share.dataset for share in self.study.rl[wildcards["recipe"]].prompts])

    def rl_guard(self, wildcards: Mapping[str, str]) -> str:
        """The guard whose verdict an RL recipe rewards."""
        return _guard(self.study.rl[wildcards["recipe"]].guard)

    def rl_guard_settings(self, wildcards: Mapping[str, str]) -> str:
        """How that guard is read."""
        return _json(self.study.guards[self.study.rl[wildcards["recipe"]].guard].reading)

    def rl_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of an RL recipe."""
        return _json(self.study.rl[wildcards["recipe"]])

    def rl_code(self, wildcards: Mapping[str, str]) -> str:
        """Code hash of `rl` with the terms of a recipe's reward."""
        return self.code("safelrm.rl", *(term.module for term in self.study.rl[wildcards["recipe"]].rewards))

    # --- rollouts and verdicts

    def rollout_checkpoint(self, wildcards: Mapping[str, str]) -> str:
        """The checkpoint that answers: a base has one, whatever the seed of its rollouts."""
        seed = 0 if wildcards["arm"] == "base" else wildcards["seed"]
        return f"checkpoints/{wildcards['model']}/{wildcards['arm']}/seed{seed}/manifest.json"

    def rollout_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of rollout generation, with the decoding modes of the model."""
        decodings = self.study.models[wildcards["model"]].decodings
        return _json(RolloutJobSettings(**dict(self.study.rollouts), decodings=decodings))

    def model_rollouts(self, wildcards: Mapping[str, str]) -> list[str]:
        """The rollouts of every run of a model."""
        return [_rollouts(*run) for run in self.runs() if run[0] == wildcards["model"]]

    def judge_module(self, wildcards: Mapping[str, str]) -> str:
        """Module of a judge."""
        return self.study.judges[wildcards["judge"]].module

    def judge_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of a judge; for one that asks a guard, with how that is read."""
        return canonical_json(judge_settings(self.study, wildcards["judge"]))

    def judge_guard(self, wildcards: Mapping[str, str]) -> list[str]:
        """The guard that a judge asks, if any."""
        guard = self.study.judges[wildcards["judge"]].guard
        return [] if guard is None else [_guard(guard)]

    def judge_code(self, wildcards: Mapping[str, str]) -> str:
        """Code hash of `judge` with a judge's module."""
        return self.code("safelrm.judge", self.judge_module(wildcards))

    # --- results

    def runs(self) -> Iterator[tuple[str, str, int]]:
        """Model, arm and seed of every run."""
        for arm in self.study.arms:
            for seed in arm.seeds:
                yield arm.model, arm.name, seed

    def rollout_files(self) -> list[str]:
        """The rollouts of every run."""
        return [_rollouts(*run) for run in self.runs()]

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
        return _json(self.study.calibration) if self.study.calibration else "{}"

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
        return self.code("safelrm.figures", f"safelrm.plots.{wildcards['figure']}")

    def figures(self) -> list[str]:
        """The figures that the study has something to show in."""
        reasoning = [name for name in self._models() if name != self.study.metrics.reference_model]
        methods = {arm.method for arm in self.study.arms}
        shown = {
            "safety_gap": len(reasoning) < len(self._models()),
            "trace_vs_answer": True,
            "thinking": any(len(self.study.models[name].decodings) > 1 for name in reasoning),
            "sft_gain": {"base", "sft"} <= methods,
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
        return _json(model(**{key: value for key, value in given.items() if key in model.model_fields}))

    def named_datasets(self, names: list[str]) -> list[str]:
        """`name=path` of data sets, as stages take them."""
        return [f"{name}={_data(name)}" for name in names]

    def dataset_files(self, names: list[str]) -> list[str]:
        """Paths of data sets."""
        return [_data(name) for name in names]

    def audit_settings(self) -> str:
        """Settings of the audit."""
        return _json(self.study.audit) if self.study.audit else "{}"

    def audit_train(self) -> list[str]:
        """Names of the training sets that the audit compares."""
        return self.study.audit.train if self.study.audit else []

    def audit_evaluation(self) -> list[str]:
        """Names of the evaluation sets that the audit compares."""
        return self.study.audit.evaluation if self.study.audit else []

    def validation_files(self, wildcards: Mapping[str, str]) -> list[str]:
        """The labelled completions of a validation."""
        return [_data(name) for name in self.study.validation[wildcards["validation"]].labelled]

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
        return self.code("safelrm.validate", self.validation_judge(wildcards))

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


def _data(name: str) -> str:
    return f"data/{name}.parquet"


def _rollouts(model: str, arm: str, seed: int) -> str:
    return f"rollouts/{model}/{arm}/seed{seed}.parquet"


def _guard(name: str) -> str:
    return f"checkpoints/guards/{name}/manifest.json"


def _json(settings: BaseModel) -> str:
    return canonical_json(settings.model_dump(mode="json"))

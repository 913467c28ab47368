"""What the rules ask of a study: files, settings and code of each job, by its wildcards."""

from collections.abc import Mapping

from safelrm.core.files import canonical_json
from safelrm.dag.origins import dataset_to_fetch, models_to_fetch, named, origin_files, origin_settings
from safelrm.dag.paths import data_file, fetched_dataset, fetched_model, guard_manifest, rollouts_file
from safelrm.dag.results_plan import ResultsPlan, settings_json
from safelrm.dag.study import dataset_path
from safelrm.generation.settings import RolloutJobSettings
from safelrm.models.settings import FetchModelSettings


class Plan(ResultsPlan):
    """The parameters and inputs of every rule; those of rules after judging are in its parent.

    Methods whose only argument is `wildcards` are input or parameter functions of rules.
    """

    # --- data sets

    def dataset_code(self, wildcards: Mapping[str, str]) -> str:
        """Code hash of `curate` with the source of one data set."""
        return self.code("safelrm.data.curate", self.study.datasets[wildcards["dataset"]].source)

    def dataset_source(self, wildcards: Mapping[str, str]) -> str:
        """Module of one data set's source."""
        return self.study.datasets[wildcards["dataset"]].source

    def dataset_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of one data set without its path, which is an input."""
        settings = self.study.datasets[wildcards["dataset"]].settings
        return canonical_json({key: value for key, value in settings.items() if key != "path"})

    def dataset_file(self, wildcards: Mapping[str, str]) -> list[str]:
        """The file that a data set is read from, if any: the user's, or the one fetched from a hub."""
        name = wildcards["dataset"]
        path = dataset_path(self.study, name)
        if path is not None:
            return [path]
        return [fetched_dataset(name)[0]] if dataset_to_fetch(self.study.datasets[name]) else []

    def dataset_manifest(self, wildcards: Mapping[str, str]) -> list[str]:
        """The manifest of that file, if it was fetched from a hub."""
        name = wildcards["dataset"]
        return [fetched_dataset(name)[1]] if dataset_to_fetch(self.study.datasets[name]) else []

    # --- what is fetched from a hub

    def fetched(self) -> list[str]:
        """The manifest of everything that the study takes from a hub."""
        datasets = [name for name, entry in self.study.datasets.items() if dataset_to_fetch(entry)]
        return [*models_to_fetch(self.study), *(fetched_dataset(name)[1] for name in datasets)]

    def fetch_model_settings(self, wildcards: Mapping[str, str]) -> str:
        """What is fetched of a model."""
        return settings_json(self._model_to_fetch(wildcards)[1])

    def fetch_model_key(self, wildcards: Mapping[str, str]) -> str:
        """The key of the configuration that names a model on a hub."""
        return self._model_to_fetch(wildcards)[0]

    def _model_to_fetch(self, wildcards: Mapping[str, str]) -> tuple[str, FetchModelSettings]:
        return models_to_fetch(self.study)[fetched_model(wildcards["repo"])]

    def fetch_dataset_settings(self, wildcards: Mapping[str, str]) -> str:
        """What is fetched of a data set."""
        return settings_json(dataset_to_fetch(self.study.datasets[wildcards["dataset"]]))

    # --- training

    def base_inputs(self, wildcards: Mapping[str, str]) -> list[str]:
        """The files that a model's factory takes."""
        return [*origin_files(self.study.models[wildcards["model"]]).values()]

    def base_named_inputs(self, wildcards: Mapping[str, str]) -> list[str]:
        """`name=path` of the files that a model's factory takes."""
        return named(origin_files(self.study.models[wildcards["model"]]))

    def base_factory(self, wildcards: Mapping[str, str]) -> str:
        """Module of a model's factory."""
        return self.study.models[wildcards["model"]].maker

    def base_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of a model's factory."""
        entry = self.study.models[wildcards["model"]]
        return canonical_json(entry.settings | origin_settings(entry))

    def base_seed(self, wildcards: Mapping[str, str]) -> int:
        """Seed of a model's factory."""
        return self.study.models[wildcards["model"]].seed

    def base_code(self, wildcards: Mapping[str, str]) -> str:
        """Code hash of `base` with a model's factory."""
        return self.code("safelrm.models.base", self.base_factory(wildcards))

    def guard_inputs(self, wildcards: Mapping[str, str]) -> list[str]:
        """The files that a guard's factory takes."""
        return [*origin_files(self.study.guards[wildcards["guard"]]).values()]

    def guard_named_inputs(self, wildcards: Mapping[str, str]) -> list[str]:
        """`name=path` of the files that a guard's factory takes."""
        return named(origin_files(self.study.guards[wildcards["guard"]]))

    def guard_factory(self, wildcards: Mapping[str, str]) -> str:
        """Module of a guard's factory."""
        return self.study.guards[wildcards["guard"]].maker

    def guard_seed(self, wildcards: Mapping[str, str]) -> int:
        """Seed of a guard's factory."""
        return self.study.guards[wildcards["guard"]].seed

    def guard_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of a guard's factory."""
        entry = self.study.guards[wildcards["guard"]]
        return canonical_json(entry.settings | origin_settings(entry))

    def guard_code(self, wildcards: Mapping[str, str]) -> str:
        """Code hash of `guard` with a guard's factory."""
        return self.code("safelrm.models.guard", self.guard_factory(wildcards))

    def sft_data(self, wildcards: Mapping[str, str]) -> str:
        """The conversations of an SFT recipe."""
        return data_file(self.study.sft[wildcards["recipe"]].dataset)

    def sft_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of an SFT recipe."""
        return settings_json(self.study.sft[wildcards["recipe"]])

    def rl_prompts(self, wildcards: Mapping[str, str]) -> list[str]:
        """The prompt sets of an RL recipe."""
        return [data_file(share.dataset) for share in self.study.rl[wildcards["recipe"]].prompts]

    def rl_named_prompts(self, wildcards: Mapping[str, str]) -> list[str]:
        """`name=path` of the prompt sets of an RL recipe."""
        return self.named_datasets([share.dataset for share in self.study.rl[wildcards["recipe"]].prompts])

    def rl_guard(self, wildcards: Mapping[str, str]) -> str:
        """The guard whose verdict an RL recipe rewards."""
        return guard_manifest(self.study.rl[wildcards["recipe"]].guard)

    def rl_guard_settings(self, wildcards: Mapping[str, str]) -> str:
        """How that guard is read."""
        return settings_json(self.study.guards[self.study.rl[wildcards["recipe"]].guard].reading)

    def rl_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of an RL recipe."""
        return settings_json(self.study.rl[wildcards["recipe"]])

    def rl_code(self, wildcards: Mapping[str, str]) -> str:
        """Code hash of `rl` with the terms of a recipe's reward."""
        return self.code("safelrm.training.rl", *(term.module for term in self.study.rl[wildcards["recipe"]].rewards))

    # --- rollouts and verdicts

    def rollout_checkpoint(self, wildcards: Mapping[str, str]) -> str:
        """The checkpoint that answers: a base has one, whatever the seed of its rollouts."""
        seed = 0 if wildcards["arm"] == "base" else wildcards["seed"]
        return f"checkpoints/{wildcards['model']}/{wildcards['arm']}/seed{seed}/manifest.json"

    def rollout_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of rollout generation, with the decoding modes of the model."""
        decodings = self.study.models[wildcards["model"]].decodings
        return settings_json(RolloutJobSettings(**dict(self.study.rollouts), decodings=decodings))

    def model_rollouts(self, wildcards: Mapping[str, str]) -> list[str]:
        """The rollouts of every run of a model."""
        return [rollouts_file(*run) for run in self.runs() if run[0] == wildcards["model"]]

    def judge_module(self, wildcards: Mapping[str, str]) -> str:
        """Module of a judge."""
        return self.study.judges[wildcards["judge"]].module

    def judge_settings(self, wildcards: Mapping[str, str]) -> str:
        """Settings of a judge; for one that asks a guard, with how that is read."""
        return canonical_json(self.study.judges[wildcards["judge"]].settings)

    def judge_guard(self, wildcards: Mapping[str, str]) -> list[str]:
        """The guard that a judge asks, if any."""
        guard = self.study.judges[wildcards["judge"]].guard
        return [] if guard is None else [guard_manifest(guard)]

    def judge_code(self, wildcards: Mapping[str, str]) -> str:
        """Code hash of `judge` with a judge's module."""
        return self.code("safelrm.judging.judge", self.judge_module(wildcards))

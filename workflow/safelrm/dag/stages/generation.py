"""Rollouts: what the model of each run answers to the benchmarks."""

from safelrm.dag.paths import data_files, named_data_files, rollouts_file, run_manifest
from safelrm.dag.stages.common import Stages, Wildcards, settings_json
from safelrm.generation.settings import RolloutJobSettings


class GenerationStages(Stages):
    """The jobs of `rollouts` and `samples`."""

    def checkpoint(self, wildcards: Wildcards) -> str:
        """The checkpoint that answers."""
        return run_manifest(wildcards["model"], wildcards["arm"], wildcards["seed"])

    def benchmarks(self) -> list[str]:
        """The prompts that every run answers."""
        return data_files(self.study.benchmarks)

    def named_benchmarks(self) -> list[str]:
        """`name=path` of these prompts."""
        return named_data_files(self.study.benchmarks)

    def rollout_settings(self, wildcards: Wildcards) -> str:
        """Settings of rollout generation, with the decoding modes of the model."""
        decodings = self.study.models[wildcards["model"]].decodings
        return settings_json(RolloutJobSettings(**dict(self.study.rollouts), decodings=decodings))

    def rollout_files(self) -> list[str]:
        """The rollouts of every run."""
        return [rollouts_file(*run) for run in self.study.runs()]

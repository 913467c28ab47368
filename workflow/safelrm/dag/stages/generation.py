"""Rollouts: what the model of each run answers to the benchmarks."""

from safelrm.core.arms import intervention_of
from safelrm.dag.paths import data_file, data_files, rollouts_file, run_manifest
from safelrm.dag.stages.common import Stages, Wildcards, settings_json
from safelrm.generation.settings import (
    BenchmarkSettings,
    InterventionJobSettings,
    RolloutJobSettings,
    SelectedModule,
)


class GenerationStages(Stages):
    """The jobs of `rollouts` and `samples`."""

    def checkpoint(self, wildcards: Wildcards) -> str:
        """The checkpoint that answers."""
        return run_manifest(wildcards["model"], wildcards["arm"], wildcards["seed"])

    def benchmarks(self) -> list[str]:
        """The prompts that every run answers."""
        return data_files(dict.fromkeys(entry.dataset for entry in self.study.benchmarks))

    def named_benchmarks(self) -> list[str]:
        """`name=path` of the prompts of each benchmark."""
        return [f"{entry.name}={data_file(entry.dataset)}" for entry in self.study.benchmarks]

    def rollout_settings(self, wildcards: Wildcards) -> str:
        """Settings of rollout generation: the model's decoding modes, the benchmarks, and the arm's intervention."""
        chosen = self._intervention(wildcards)
        asked = {entry.name: entry.asked for entry in self.study.benchmarks if entry.asked != BenchmarkSettings()}
        return settings_json(
            RolloutJobSettings(
                **dict(self.study.rollouts),
                decodings=self.study.models[wildcards["model"]].decodings,
                benchmarks=asked,
                intervention=chosen and InterventionJobSettings(**dict(chosen), code=self.code(chosen.module)),
            )
        )

    def rollout_code(self, wildcards: Wildcards) -> str:
        """Code hash of `rollouts` with the attacks of the benchmarks and the arm's intervention."""
        chosen = self._intervention(wildcards)
        selected = [entry.attack for entry in self.study.benchmarks if entry.attack] + ([chosen] if chosen else [])
        return self.code("safelrm.generation.rollouts", *sorted({one.module for one in selected}))

    def rollout_files(self) -> list[str]:
        """The rollouts of every run."""
        return [rollouts_file(*run) for run in self.study.runs()]

    def _intervention(self, wildcards: Wildcards) -> SelectedModule | None:
        name = intervention_of(wildcards["arm"])
        return None if name is None else self.study.interventions[name]

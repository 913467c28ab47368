"""SFT and RL."""

from collections.abc import Mapping
from typing import Literal

from safelrm.dag.paths import data_file, data_files, guard_manifest, named_data_files
from safelrm.dag.stages.common import Stages, Wildcards, settings_json
from safelrm.training.settings import RlSettings, SftSettings, TrainingSettings


class TrainingStages(Stages):
    """The jobs of `sft` and `rl`."""

    def sft_data(self, wildcards: Wildcards) -> str:
        """The conversations of an SFT recipe."""
        return data_file(self._sft(wildcards).dataset)

    def sft_settings(self, wildcards: Wildcards) -> str:
        """Settings of an SFT recipe."""
        return settings_json(self._sft(wildcards))

    def rl_prompts(self, wildcards: Wildcards) -> list[str]:
        """The prompt sets of an RL recipe."""
        return data_files(self._prompts(wildcards))

    def rl_named_prompts(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of the prompt sets of an RL recipe."""
        return named_data_files(self._prompts(wildcards))

    def rl_guard(self, wildcards: Wildcards) -> str:
        """The guard whose verdict an RL recipe rewards."""
        return guard_manifest(self._rl(wildcards).guard)

    def rl_guard_settings(self, wildcards: Wildcards) -> str:
        """How that guard is asked and read."""
        return settings_json(self.study.guards[self._rl(wildcards).guard].reading)

    def rl_settings(self, wildcards: Wildcards) -> str:
        """Settings of an RL recipe."""
        return settings_json(self._rl(wildcards))

    def rl_code(self, wildcards: Wildcards) -> str:
        """Code hash of `rl` with the terms of a recipe's reward, and with what TRL imports for this recipe only."""
        recipe = self._rl(wildcards)
        # without this setting vLLM is hidden from TRL (training/command.py)
        engines = [] if recipe.vllm is None else ["vllm"]
        return self.code("safelrm.training.rl", *(term.module for term in recipe.rewards), *engines)

    def with_adapter(self, method: Literal["sft", "rl"]) -> str:
        """A pattern of the recipes of a method whose adapter is an output of its own."""
        recipes: Mapping[str, TrainingSettings] = getattr(self.study, method)
        kept = [name for name, recipe in recipes.items() if recipe.lora and recipe.lora.keep_adapter]
        # without one, a pattern that fits no name
        return "|".join(kept) or "(?!)"

    def _sft(self, wildcards: Wildcards) -> SftSettings:
        return self.study.sft[wildcards["recipe"]]

    def _rl(self, wildcards: Wildcards) -> RlSettings:
        return self.study.rl[wildcards["recipe"]]

    def _prompts(self, wildcards: Wildcards) -> list[str]:
        return [share.dataset for share in self._rl(wildcards).prompts]

"""SFT and RL."""

from collections.abc import Mapping
from typing import Literal

from safelrm.core.arms import FROM
from safelrm.dag.declarations import declared_scorers
from safelrm.dag.paths import data_files, guard_manifest, named_data_files, run_manifest
from safelrm.dag.stages.common import Stages, Wildcards, definitions, settings_json
from safelrm.training.settings import GuardReadings, RlJobSettings, RlSettings, SftSettings, TrainingSettings

# what RL uses of a term's module; the rest is read with the configuration
OF_TERMS = ("build", "Settings", "KINDS")
# and of a module that a term's settings name
OF_SCORERS = ("score",)


class TrainingStages(Stages):
    """The jobs of `sft` and `rl`."""

    def start(self, wildcards: Wildcards) -> str:
        """The checkpoint that a training starts from: the base, or that of the arm named in `from`."""
        arm = wildcards["start"].removeprefix(FROM) or "base"
        return run_manifest(wildcards["model"], arm, wildcards["seed"])

    def sft_data(self, wildcards: Wildcards) -> list[str]:
        """The conversations of an SFT recipe."""
        return data_files(self._sft(wildcards).datasets)

    def sft_named_data(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of these conversations."""
        return named_data_files(self._sft(wildcards).datasets)

    def sft_settings(self, wildcards: Wildcards) -> str:
        """Settings of an SFT recipe."""
        return settings_json(self._sft(wildcards))

    def rl_prompts(self, wildcards: Wildcards) -> list[str]:
        """The prompt sets of an RL recipe."""
        return data_files(self._prompts(wildcards))

    def rl_named_prompts(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of the prompt sets of an RL recipe."""
        return named_data_files(self._prompts(wildcards))

    def rl_guards(self, wildcards: Wildcards) -> list[str]:
        """The guards that an RL recipe's reward reads."""
        return [guard_manifest(name) for name in self._rl(wildcards).guards]

    def rl_named_guards(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of these guards."""
        return [f"{name}={guard_manifest(name)}" for name in self._rl(wildcards).guards]

    def rl_readings(self, wildcards: Wildcards) -> str:
        """How these guards are asked and read."""
        readings = {name: self.study.guards[name].reading for name in self._rl(wildcards).guards}
        return settings_json(GuardReadings(readings))

    def rl_settings(self, wildcards: Wildcards) -> str:
        """Settings of an RL recipe, with the template arguments of the decoding modes that it names."""
        recipe, modes = self._rl(wildcards), self.study.models[wildcards["model"]].decodings
        templates = {name: modes[name].template for name in recipe.decodings}
        return settings_json(RlJobSettings(**dict(recipe), templates=templates))

    def rl_code(self, wildcards: Wildcards) -> str:
        """Code hash of `rl` with the terms of a recipe's reward, and with what TRL imports for this recipe only."""
        recipe = self._rl(wildcards)
        # without this setting vLLM is hidden from TRL (training/command.py)
        engines = [] if recipe.vllm is None else ["vllm"]
        terms = [use for term in recipe.rewards for use in definitions(term.module, OF_TERMS)]
        for term in recipe.rewards:
            asked = declared_scorers(term.module, term.settings).values()
            terms += [use for scorer in asked for use in definitions(scorer, OF_SCORERS)]
        return self.code("safelrm.training.rl", *terms, *engines)

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

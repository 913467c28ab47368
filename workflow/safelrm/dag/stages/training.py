"""SFT, DPO and RL, and the candidates that SFT and DPO may learn from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from safelrm.core.arms import FROM
from safelrm.core.files import canonical_json
from safelrm.dag.declarations import declared_scorers
from safelrm.dag.paths import candidates_file, data_files, guard_manifest, named_data_files, run_manifest
from safelrm.dag.stages.common import Stages, Wildcards, definitions, settings_json
from safelrm.dag.taught import sft_file
from safelrm.generation.settings import DecodingMode
from safelrm.training.candidate_settings import CandidateSettings, DpoSettings
from safelrm.training.reward_settings import RewardTerm
from safelrm.training.settings import (
    GuardReadings,
    ModalSettings,
    RlJobSettings,
    RlSettings,
    SftJobSettings,
    SftSettings,
    TrainingSettings,
)

# what a reward uses of a term's module; the rest is read with the configuration
OF_TERMS = ("build", "Settings", "KINDS")
# and of a module that a term's settings name
OF_SCORERS = ("score",)

Method = Literal["sft", "dpo", "rl"]


class TrainingStages(Stages):
    """The jobs of `candidates`, `sft`, `dpo` and `rl`."""

    def start(self, wildcards: Wildcards) -> str:
        """The checkpoint that a training starts from: the base, or that of the arm named in `from`."""
        arm = wildcards["start"].removeprefix(FROM) or "base"
        return run_manifest(wildcards["model"], arm, wildcards["seed"])

    def sft_data(self, wildcards: Wildcards) -> list[str]:
        """The conversations of an SFT recipe, or its candidates."""
        recipe = self._sft(wildcards)
        if recipe.candidates:
            return [self._candidates(recipe.candidates, wildcards)]
        return [sft_file(self.study, name) for name in recipe.datasets]

    def sft_named_data(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of these."""
        recipe = self._sft(wildcards)
        if recipe.candidates:
            return [f"{recipe.candidates}={self._candidates(recipe.candidates, wildcards)}"]
        return [f"{name}={sft_file(self.study, name)}" for name in recipe.datasets]

    def sft_settings(self, wildcards: Wildcards) -> str:
        """Settings of an SFT recipe, with the template arguments of the decoding modes that it names."""
        return settings_json(SftJobSettings(**self._with_templates(self._sft(wildcards), wildcards)))

    def dpo_data(self, wildcards: Wildcards) -> str:
        """The candidates of a DPO recipe."""
        return self._candidates(self._dpo(wildcards).candidates, wildcards)

    def dpo_settings(self, wildcards: Wildcards) -> str:
        """Settings of a DPO recipe."""
        return settings_json(self._dpo(wildcards))

    def candidate_prompts(self, wildcards: Wildcards) -> list[str]:
        """The prompt sets of candidates."""
        return data_files(self._sampled(wildcards).prompts)

    def candidate_named_prompts(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of these prompt sets."""
        return named_data_files(self._sampled(wildcards).prompts)

    def candidate_guards(self, wildcards: Wildcards) -> list[str]:
        """The guards that the reward of candidates reads."""
        return [guard_manifest(name) for name in self._sampled(wildcards).guards]

    def candidate_named_guards(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of these guards."""
        return [f"{name}={guard_manifest(name)}" for name in self._sampled(wildcards).guards]

    def candidate_readings(self, wildcards: Wildcards) -> str:
        """How these guards are asked and read."""
        return self._readings(self._sampled(wildcards).guards)

    def candidate_settings(self, wildcards: Wildcards) -> str:
        """Settings of candidates."""
        return settings_json(self._sampled(wildcards))

    def candidate_code(self, wildcards: Wildcards) -> str:
        """Code hash of `candidates` with the terms of the reward."""
        return self.code("safelrm.training.candidates", *_uses(self._sampled(wildcards).rewards))

    def rl_prompts(self, wildcards: Wildcards) -> list[str]:
        """The prompt sets of an RL recipe."""
        return data_files(self._prompts(wildcards))

    def rl_named_prompts(self, wildcards: Wildcards) -> list[str]:
        """`name=path` of the prompt sets of an RL recipe."""
        return named_data_files(self._prompts(wildcards))

    def rl_settings(self, wildcards: Wildcards) -> str:
        """Settings of an RL recipe, with the template arguments of the decoding modes that it names."""
        return settings_json(RlJobSettings(**self._with_templates(self._rl(wildcards), wildcards)))

    def rl_code(self, wildcards: Wildcards) -> str:
        """Code hash of `rl` with the terms of a recipe's reward, and with what TRL imports for this recipe only."""
        recipe = self._rl(wildcards)
        # without this setting vLLM is hidden from TRL (training/command.py)
        engines = [] if recipe.vllm is None else ["vllm"]
        return self.code("safelrm.training.rl", *_uses([*recipe.rewards, *recipe.probe_terms]), *engines)

    def tuning_code(self, method: Method) -> Callable[[Wildcards], str]:
        """Code hash of `sft` or `dpo` with the terms of a recipe's probes."""
        return lambda wildcards: self.code(
            f"safelrm.training.{method}", *_uses(self._recipe(method, wildcards).probe_terms)
        )

    def guards(self, method: Method) -> Callable[[Wildcards], list[str]]:
        """The guards that a recipe of a method reads, for its reward or its probes."""
        return lambda wildcards: [guard_manifest(name) for name in self._recipe(method, wildcards).read_guards]

    def named_guards(self, method: Method) -> Callable[[Wildcards], list[str]]:
        """`name=path` of these guards."""
        return lambda wildcards: [
            f"{name}={guard_manifest(name)}" for name in self._recipe(method, wildcards).read_guards
        ]

    def readings(self, method: Method) -> Callable[[Wildcards], str]:
        """How these guards are asked and read."""
        return lambda wildcards: self._readings(self._recipe(method, wildcards).read_guards)

    def probed(self, method: Method) -> Callable[[Wildcards], list[str]]:
        """The prompts that the probes of a recipe of a method ask."""
        return lambda wildcards: data_files(self._recipe(method, wildcards).probed)

    def named_probed(self, method: Method) -> Callable[[Wildcards], list[str]]:
        """`name=path` of these prompts."""
        return lambda wildcards: named_data_files(self._recipe(method, wildcards).probed)

    def decoding(self, method: Method) -> Callable[[Wildcards], str]:
        """The decoding mode in which probes ask a model: the first one that the recipe names, or that the model has."""
        return lambda wildcards: self._probed_mode(method, wildcards)[0]

    def template(self, method: Method) -> Callable[[Wildcards], str]:
        """Arguments of the chat template in this mode."""
        return lambda wildcards: canonical_json(self._probed_mode(method, wildcards)[1].template)

    def with_adapter(self, method: Method) -> str:
        """A pattern of the recipes of a method whose adapter is an output of its own."""
        kept = [name for name, recipe in self._recipes(method).items() if recipe.lora and recipe.lora.keep_adapter]
        # without one, a pattern that fits no name
        return "|".join(kept) or "(?!)"

    def _readings(self, guards: Sequence[str]) -> str:
        return settings_json(GuardReadings({name: self.study.guards[name].reading for name in guards}))

    def _candidates(self, name: str, wildcards: Wildcards) -> str:
        """The candidates that a training reads: of the checkpoint that it starts from, for its seed."""
        start = wildcards["start"].removeprefix(FROM) or None
        return candidates_file(wildcards["model"], name, start, wildcards["seed"])

    def _sampled(self, wildcards: Wildcards) -> CandidateSettings:
        return self.study.candidates[wildcards["candidates"]]

    def _dpo(self, wildcards: Wildcards) -> DpoSettings:
        return self.study.dpo[wildcards["recipe"]]

    def _with_templates(self, recipe: ModalSettings, wildcards: Wildcards) -> dict[str, object]:
        """A recipe, and what its decoding modes give to the chat template of the model."""
        modes = self.study.models[wildcards["model"]].decodings
        return recipe.model_dump() | {"templates": {name: modes[name].template for name in recipe.decodings}}

    def _sft(self, wildcards: Wildcards) -> SftSettings:
        return self.study.sft[wildcards["recipe"]]

    def _rl(self, wildcards: Wildcards) -> RlSettings:
        return self.study.rl[wildcards["recipe"]]

    def _recipes(self, method: Method) -> Mapping[str, TrainingSettings]:
        return getattr(self.study, method)

    def _recipe(self, method: Method, wildcards: Wildcards) -> TrainingSettings:
        return self._recipes(method)[wildcards["recipe"]]

    def _probed_mode(self, method: Method, wildcards: Wildcards) -> tuple[str, DecodingMode]:
        recipe, modes = self._recipe(method, wildcards), self.study.models[wildcards["model"]].decodings
        (name, *_) = [*(recipe.decodings if isinstance(recipe, ModalSettings) else ()), *modes]
        return name, modes[name]

    def _prompts(self, wildcards: Wildcards) -> list[str]:
        return [share.dataset for share in self._rl(wildcards).prompts]


def _uses(terms: Iterable[RewardTerm]) -> list[str]:
    """What a training uses of the modules of terms, each definition once."""
    found = []
    for term in terms:
        found += definitions(term.module, OF_TERMS)
        for scorer in declared_scorers(term.module, term.settings).values():
            found += definitions(scorer, OF_SCORERS)
    return list(dict.fromkeys(found))

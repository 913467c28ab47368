"""Settings of rollouts: sampling, ways of asking a model, benchmarks, attacks and interventions."""

from typing import Annotated

from pydantic import Field

from safelrm.core.settings import Count, Dtype, ModulePath, Name, NonNegative, Positive, Seed, Share, Strict

Mass = Annotated[float, Field(gt=0.0, le=1.0)]
Choices = Annotated[int, Field(ge=0)]
# arguments of a chat template
TemplateArguments = dict[str, str | int | float | bool]


class SamplingSettings(Strict):
    """How an engine samples. The names are vLLM's."""

    temperature: NonNegative = Field(description="sampling temperature; 0 is greedy")
    top_p: Mass = Field(1.0, description="nucleus sampling mass")
    top_k: Choices = Field(0, description="sample from so many of the most probable tokens; 0: from all")
    min_p: Share = Field(0.0, description="least probability of a token, relative to the most probable; 0: any")
    repetition_penalty: Positive = Field(
        1.0, description="above 1, tokens of the prompt and of the completion so far become less probable; 1: off"
    )
    max_tokens: Count = Field(description="token limit of a completion")


class SamplingChanges(Strict):
    """What a decoding mode or a benchmark samples in another way. The benchmark's values take precedence."""

    temperature: NonNegative | None = Field(None, description="sampling temperature; none: as elsewhere")
    top_p: Mass | None = Field(None, description="nucleus sampling mass; none: as elsewhere")
    top_k: Choices | None = Field(None, description="number of most probable tokens, 0: all; none: as elsewhere")
    min_p: Share | None = Field(None, description="least relative probability of a token; none: as elsewhere")
    repetition_penalty: Positive | None = Field(None, description="penalty of repetitions; none: as elsewhere")

    def given(self) -> dict[str, object]:
        """The values that are set."""
        return {name: value for name, value in self if value is not None}


class DecodingMode(Strict):
    """One way of asking a model, such as with or without thinking."""

    template: TemplateArguments = Field(
        default_factory=dict, description="arguments of the model's chat template, such as `enable_thinking: false`"
    )
    sampling: SamplingChanges = Field(
        default_factory=SamplingChanges,
        description="sampling of this mode, as the model's card says; it takes precedence over `rollouts`",
    )


class SelectedModule(Strict):
    """A module that the configuration selects for generation: an attack or an intervention."""

    module: ModulePath = Field(
        description="such as safelrm.generation.attacks.template, or safelrm.generation.interventions.prefill"
    )
    settings: dict[str, object] = Field(default_factory=dict, description="settings of that module")


class BenchmarkSettings(Strict):
    """How the prompts of one benchmark are asked."""

    instruction: str | None = Field(
        None, min_length=1, description="text that is put below every prompt, after an empty line"
    )
    system: str | None = Field(
        None, min_length=1, description="system prompt; the column `system` of the data set takes precedence"
    )
    sampling: SamplingChanges = Field(
        default_factory=SamplingChanges,
        description="sampling of this benchmark; it takes precedence over the decoding mode and over `rollouts`",
    )
    max_tokens: Count | None = Field(None, description="token limit of a completion; none: that of `rollouts`")
    samples: Count | None = Field(None, description="completions per prompt; none: those of `rollouts`")
    attack: SelectedModule | None = Field(
        None, description="module that words the prompts anew; the judges are asked about the prompts themselves"
    )


class RolloutSettings(SamplingSettings):
    """Decoding and engine settings of the evaluation rollouts."""

    samples: Count = Field(1, description="completions per prompt")
    seed: Seed = Field(
        description="each request's seed is derived from this, the arm's seed, the prompt and the sample index"
    )
    dtype: Dtype = Field(description="arithmetic of the engine")
    max_model_length: Count = Field(description="longest prompt plus completion, in tokens")


class InterventionJobSettings(SelectedModule):
    """An intervention, as a job gets it."""

    code: str = Field("", description="hash of the module's code; answers of a model that it edits are kept under it")


# the modes of a model that is asked in one way only
ONE_MODE = {"default": DecodingMode()}


class RolloutJobSettings(RolloutSettings):
    """Settings of one rollout job: those of the study, the model's decoding modes, and what the run is asked with."""

    decodings: dict[Name, DecodingMode] = Field(ONE_MODE, min_length=1, description="decoding modes by name")
    benchmarks: dict[Name, BenchmarkSettings] = Field(
        default_factory=dict, description="how prompts are asked, by benchmark; a benchmark that is not here: plainly"
    )
    intervention: InterventionJobSettings | None = Field(None, description="the intervention of the arm")

    def benchmark(self, name: str) -> BenchmarkSettings:
        """How the prompts of a benchmark are asked."""
        return self.benchmarks.get(name) or BenchmarkSettings()

    def samples_of(self, benchmark: str) -> int:
        """Completions per prompt of a benchmark."""
        return self.benchmark(benchmark).samples or self.samples

    def sampling(self, benchmark: str, decoding: str) -> SamplingSettings:
        """How completions of a benchmark are sampled in a decoding mode."""
        asked = self.benchmark(benchmark)
        values = {name: getattr(self, name) for name in SamplingSettings.model_fields}
        values |= self.decodings[decoding].sampling.given() | asked.sampling.given()
        values["max_tokens"] = asked.max_tokens or self.max_tokens
        return SamplingSettings(**values)

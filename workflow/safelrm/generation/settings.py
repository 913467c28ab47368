"""Settings of rollouts, and the ways of asking a model."""

from pydantic import Field

from safelrm.core.settings import Count, Dtype, Name, NonNegative, Seed, Strict


class DecodingMode(Strict):
    """One way of asking a model, such as with or without thinking."""

    template: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="arguments of the model's chat template, such as `enable_thinking: false`"
    )


# the modes of a model that is asked in one way only
ONE_MODE = {"default": DecodingMode()}


class RolloutSettings(Strict):
    """Decoding and engine settings of the evaluation rollouts."""

    temperature: NonNegative = Field(description="sampling temperature; 0 is greedy")
    top_p: float = Field(1.0, gt=0.0, le=1.0, description="nucleus sampling mass")
    max_tokens: Count = Field(description="token limit of a completion")
    samples: Count = Field(1, description="completions per prompt")
    seed: Seed = Field(
        description="each request's seed is derived from this, the arm's seed, the prompt and the sample index"
    )
    dtype: Dtype = Field(description="arithmetic of the engine")
    max_model_length: Count = Field(description="longest prompt plus completion, in tokens")


class RolloutJobSettings(RolloutSettings):
    """Settings of one rollout job: those of the study, and the decoding modes of the model."""

    decodings: dict[Name, DecodingMode] = Field(ONE_MODE, min_length=1, description="decoding modes by name")

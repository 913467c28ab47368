"""Settings of rollout generation."""

from typing import Literal

from pydantic import Field

from safelrm.settings.common import Count, NonNegative, Seed, Strict


class RolloutSettings(Strict):
    """Decoding and engine settings of the evaluation rollouts."""

    temperature: NonNegative = Field(description="sampling temperature; 0 is greedy")
    top_p: float = Field(1.0, gt=0.0, le=1.0, description="nucleus sampling mass")
    max_tokens: Count = Field(description="token limit of a completion")
    samples: Count = Field(1, description="completions per prompt")
    seed: Seed = Field(description="every request's own seed is derived from this, the prompt and the sample index")
    dtype: Literal["float32", "bfloat16"] = Field(description="arithmetic of the engine")
    max_model_length: Count = Field(description="longest prompt plus completion, in tokens")

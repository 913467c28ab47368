"""Settings of how RL samples: its engine, and the prompts that it leaves out."""

from typing import Literal

from pydantic import Field

from safelrm.core.settings import Count, Positive, Share, Strict


class VllmEngine(Strict):
    """vLLM as the rollout engine, within the training process (TRL's colocate mode, which needs CUDA).

    The probabilities of vLLM differ a little from those of the trained model. The correction weighs the loss by their
    ratio, and truncates or masks a large ratio.
    """

    gpu_memory_share: Share = Field(0.3, gt=0.0, description="share of the GPU's memory given to vLLM")
    max_model_length: Count = Field(description="longest prompt plus completion, in tokens")
    correction: Literal["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"] = Field(
        "token_truncate", description="level of the importance ratio, and what is done above the limit"
    )
    correction_limit: Positive = Field(2.0, description="greatest importance ratio")
    max_logprob_drift: Positive = Field(
        0.2,
        description="the run ends if the log-probabilities of vLLM and of the trained model differ by more than this in"
        " three batches of rollouts in a row: nats per token, the mean of a batch",
    )


class PromptFilter(Strict):
    """Prompts that cannot teach are dropped before training: those whose completions all earn the same reward.

    The report of Qwen3Guard (section 3.5) does this for Qwen3-4B-SafeRL, with 8 completions per prompt.
    """

    samples: int = Field(8, ge=2, description="completions that the policy samples for each prompt before training")
    min_spread: Positive = Field(
        0.01, description="a prompt is kept if the greatest and the least reward of its completions differ by this"
    )

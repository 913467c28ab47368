"""Settings of supervised fine-tuning."""

from pydantic import Field

from safelrm.settings.common import Count, Name, NonNegative, Positive, Share
from safelrm.settings.training import TrainingSettings


class SftSettings(TrainingSettings):
    """One SFT recipe."""

    dataset: Name = Field(description="the conversations to train on, a key of `datasets`")
    epochs: Positive = Field(description="passes over the data")
    batch_size: Count = Field(description="sequences of a forward and backward pass")
    gradient_accumulation: Count = Field(
        1, description="passes per optimiser step; the GPUs of a job share them, then the sequences"
    )
    learning_rate: Positive = Field(description="peak learning rate of AdamW")
    warmup: Share = Field(0.05, lt=1.0, description="share of the steps spent warming up; cosine decay follows")
    weight_decay: NonNegative = Field(0.0, description="AdamW weight decay")
    max_length: Count = Field(description="tokens per sequence; a longer one is an error, never cut in silence")

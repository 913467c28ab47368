"""Settings that every way of training shares."""

from pydantic import Field

from safelrm.settings.common import Dtype, Positive, Strict


class TrainingSettings(Strict):
    """How weights are updated, whatever the loss."""

    max_gradient_norm: Positive = Field(1.0, description="gradients are scaled down to this norm")
    precision: Dtype = Field(
        "float32", description="arithmetic of forward and backward passes; master weights are always float32"
    )
    gradient_checkpointing: bool = Field(
        False, description="recompute activations in the backward pass: less memory, about a third slower"
    )

"""What TRL leaves open where vLLM samples within the process that trains (TRL 1.16)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from transformers import PreTrainedModel
from transformers.core_model_loading import revert_weight_conversion

if TYPE_CHECKING:
    from trl.generation.vllm_generation import VLLMGeneration


def send_by_checkpoint_names(generation: "VLLMGeneration", model: PreTrainedModel) -> None:
    """Let vLLM get weights under the names that they have in a checkpoint, the only ones that it knows.

    TRL sends them as the model in memory has them, where transformers may have joined or renamed them: experts, above
    all.
    """
    in_memory = generation._iter_named_params

    def as_in_checkpoints() -> Iterator[tuple[str, torch.Tensor]]:
        for name, weight in in_memory():
            yield from revert_weight_conversion(model, {name: weight}).items()

    generation._iter_named_params = as_in_checkpoints

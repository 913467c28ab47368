"""TRL's GRPOTrainer with what RL here needs besides: decoding modes, completions before training, names for vLLM."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from transformers import PreTrainedModel
from transformers.core_model_loading import revert_weight_conversion
from trl import GRPOTrainer

from safelrm.training.modes import Mode, prompt_ids
from safelrm.training.rewards.base import DECODING

if TYPE_CHECKING:
    from trl.generation.vllm_generation import VLLMGeneration


class RlTrainer(GRPOTrainer):
    """TRL's trainer, which asks each prompt in the decoding mode that its turn names under DECODING.

    TRL 1.16 has arguments of the chat template for all prompts of a run, and none for one prompt. All that it computes
    of a prompt follows from the token ids that `_tokenize_prompts` gives.

    Args:
        modes: the decoding modes by name; without any, TRL renders the prompts.
        arguments: the arguments of GRPOTrainer.
    """

    def __init__(self, *, modes: Mapping[str, Mode], **arguments: object) -> None:
        self._modes = modes
        super().__init__(**arguments)

    def _tokenize_prompts(
        self, prompts: list[list[dict[str, str]]]
    ) -> tuple[list[list[int]], None, dict[str, torch.Tensor]]:
        return (self.prompt_ids(prompts), None, {}) if self._modes else super()._tokenize_prompts(prompts)

    def prompt_ids(self, prompts: Sequence[list[dict[str, str]]]) -> list[list[int]]:
        """Token ids of the prompts of TRL's data set."""
        return [
            prompt_ids(
                self.processing_class,
                turns[-1]["content"],
                self._modes[turns[-1][DECODING]].template if self._modes else {},
            )
            for turns in prompts
        ]

    def sample(self, prompts: Sequence[list[int]]) -> list[list[int]]:
        """A completion of each prompt, as token ids, by the policy before its first step."""
        if self.use_vllm:
            # it has loaded the checkpoint itself: weights need not be sent
            return self.vllm_generation.generate(prompts=list(prompts), images=None, num_generations=1)[1]
        return self._generate_single_turn(list(prompts), None, {}, 1)[0]


def send_by_checkpoint_names(generation: "VLLMGeneration", model: PreTrainedModel) -> None:
    """Make TRL send weights to vLLM under their names in a checkpoint, the only names that vLLM knows.

    TRL 1.16 sends the names of the model in memory. There transformers may have joined or renamed weights, above all
    those of experts.
    """
    in_memory = generation._iter_named_params

    def as_in_checkpoints() -> Iterator[tuple[str, torch.Tensor]]:
        for name, weight in in_memory():
            yield from revert_weight_conversion(model, {name: weight}).items()

    generation._iter_named_params = as_in_checkpoints

"""A guard read by plain forward passes: no engine to start, for a reward that is asked every step."""

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from safelrm.core.errors import SafeLRMError
from safelrm.engine.guard_reading import GuardPrompts, GuardReading, Pair
from safelrm.settings.guard import GuardSettings


class ForwardGuard:
    """A `GuardReader` on transformers. Texts of like length share a batch, padded on the left.

    Args:
        folder: the guard's model folder.
        settings: how it is asked; `batch_size` texts share a forward pass.
        dtype: arithmetic.
        device: where it runs; the first GPU if there is one, otherwise the CPU.
    """

    def __init__(
        self,
        folder: Path,
        settings: GuardSettings,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
    ) -> None:
        self.prompts = GuardPrompts(folder, settings)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        try:
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)
        except (OSError, ValueError) as error:
            raise SafeLRMError(
                f"the guard cannot be loaded ({error})", file=folder, fix="make the checkpoint again"
            ) from error
        self.model = model.eval().requires_grad_(False).to(self.device)

    def read(self, pairs: Sequence[Pair]) -> list[GuardReading | None]:
        """One reading per pair, in order; None for a text longer than `max_length`."""
        questions = self.prompts.encode(pairs)
        readings: list[GuardReading | None] = [None] * len(questions)
        order = sorted((len(ids), index) for index, ids in enumerate(questions) if ids is not None)
        size = self.prompts.settings.batch_size
        for start in range(0, len(order), size):
            batch = [index for _, index in order[start : start + size]]
            for index, reading in zip(batch, self._forward([questions[i] for i in batch]), strict=True):
                readings[index] = reading
        return readings

    @torch.inference_mode()
    def _forward(self, questions: list[list[int]]) -> list[GuardReading]:
        width = max(len(ids) for ids in questions)
        tokens = torch.tensor([[0] * (width - len(ids)) + ids for ids in questions], device=self.device)
        mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in questions], device=self.device)
        # counted from the first real token, so that padding does not shift a text's positions
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        output = self.model(
            input_ids=tokens, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=1
        )
        logprobs = output.logits[:, -1].float().log_softmax(dim=-1)
        labels = logprobs[:, [self.prompts.unsafe_id, self.prompts.safe_id]].tolist()
        return [
            self.prompts.reading(unsafe, safe, top)
            for (unsafe, safe), top in zip(labels, logprobs.argmax(dim=-1).tolist(), strict=True)
        ]

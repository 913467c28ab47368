"""A guard read by plain forward passes: no engine to start, for a reward that is asked every step.

A guard read through vLLM: many texts at once, for verdicts.
"""

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import pandas as pd
import torch
from transformers import AutoModelForCausalLM

from safelrm.core.errors import SafeLRMError
from safelrm.core.work import current_folder
from safelrm.inference.engine import start_engine
from safelrm.inference.guard_reading import GuardPrompts, GuardReading, Pair
from safelrm.inference.schemas import READINGS
from safelrm.inference.settings import GuardSettings
from safelrm.inference.shards import in_shards


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


# texts that are read together and then kept; an answer is one token, so none waits for another
SHARD = 4096


class VllmGuard:
    """A `GuardReader` that takes the labels' log-probabilities from vLLM's raw (unscaled) logits."""

    def __init__(self, folder: Path, settings: GuardSettings, *, dtype: str) -> None:
        self.prompts = GuardPrompts(folder, settings)
        # one token more than the question: the answer
        self.engine = start_engine(folder, dtype=dtype, max_model_length=settings.max_length + 1)

    def read(self, pairs: Sequence[Pair]) -> list[GuardReading | None]:
        """One reading per pair, in order; None for a text longer than `max_length`.

        Within a job with partial state, readings are kept in its work folder, and taken from there.
        """
        if not pairs:
            return []
        folder = current_folder()
        rows = in_shards(pairs, SHARD, self._read, table=READINGS, folder=folder) if folder else self._read(pairs)
        present = rows["label_mass"].notna()
        return [
            GuardReading(*row) if readable else None
            for row, readable in zip(rows.itertuples(index=False, name=None), present, strict=True)
        ]

    def _read(self, pairs: Sequence[Pair]) -> pd.DataFrame:
        from vllm import SamplingParams  # noqa: PLC0415  (the engine's environment is set by now)

        prompts = self.prompts
        questions = prompts.encode(pairs)
        greedy = SamplingParams(
            temperature=0.0, max_tokens=1, logprob_token_ids=[prompts.unsafe_id, prompts.safe_id], detokenize=False
        )
        asked = [{"prompt_token_ids": ids} for ids in questions if ids is not None]
        # what earlier texts left there may change the order of arithmetic
        self.engine.reset_prefix_cache()
        answers = iter(self.engine.generate(asked, greedy, use_tqdm=False) if asked else [])
        readings = [None if ids is None else self._reading(next(answers).outputs[0]) for ids in questions]
        rows = [(None, None, None) if reading is None else astuple(reading) for reading in readings]
        return pd.DataFrame(rows, columns=READINGS.schema.names)

    def _reading(self, answer: object) -> GuardReading:
        logprobs = answer.logprobs[0]
        return self.prompts.reading(
            logprobs[self.prompts.unsafe_id].logprob, logprobs[self.prompts.safe_id].logprob, answer.token_ids[0]
        )

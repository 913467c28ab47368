"""Readings of a guard: how unsafe a generative guard finds a text, and what else it says.

A reader asks the guard about a user's prompt and an assistant's text (guard_prompts.py), and reads the probabilities of
its answer's labels (guard_labels.py). How, is data: presets.yaml has that of published guards.

There are two readers. `VllmGuard` starts an engine and reads many texts at once, for verdicts. `ForwardGuard` makes
passes of transformers, for a reward that is asked for in every training step. Importing this module does not import
vLLM.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from transformers import GenerationConfig, LogitsProcessor

from safelrm.inference.engine import complete, load_model, start_engine
from safelrm.inference.guard_labels import SAFETY, GuardReading
from safelrm.inference.guard_prompts import REFUSED, GuardPrompts
from safelrm.inference.processes import shared_out
from safelrm.inference.schemas import READINGS, Pair
from safelrm.inference.settings import GuardSettings
from safelrm.inference.store import Answer, AnswerStore, Question

# of a text that the guard is not asked about
UNASKED = GuardReading(None, 0.0, "")


class GuardReader(Protocol):
    """Anything that reads pairs of a user's prompt and an assistant's text."""

    def read(self, pairs: Sequence[Pair]) -> list[GuardReading | None]:
        """One reading per pair, in order; None for a text that is longer than the guard takes."""


class VllmGuard:
    """A `GuardReader` that takes the labels' log-probabilities from vLLM's raw (unscaled) logits.

    It keeps what it has read (inference/store.py). It starts no engine unless there is something new to read.
    """

    def __init__(self, folder: Path, settings: GuardSettings, *, dtype: str) -> None:
        self.prompts = GuardPrompts(folder, settings)
        self.folder, self.dtype = folder, dtype
        # the question and the answer
        self._length = settings.max_length + settings.max_tokens

    def read(self, pairs: Sequence[Pair]) -> list[GuardReading | None]:
        """One reading per pair, in order; None for a text longer than `max_length`."""
        labels = self.prompts.labels
        sampling = {"temperature": 0.0, "max_tokens": self.prompts.settings.max_tokens}
        if labels.ids:
            sampling["logprob_token_ids"] = labels.ids
        questions = self.prompts.encode(pairs)
        store = AnswerStore(READINGS, self.folder, {"dtype": self.dtype, "max_model_length": self._length})
        rows = store.answers([(ids, sampling) for ids in questions if ids], partial(shared_out, self._ask))
        width = len(labels.ids)
        readings = (
            labels.read(ids, [logprobs[place * width : (place + 1) * width] for place in range(len(ids) * bool(width))])
            for ids, logprobs in rows.itertuples(index=False, name=None)
        )
        return [next(readings) if ids else UNASKED if ids == REFUSED else None for ids in questions]

    def _ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Answer]]:
        engine = start_engine(self.folder, dtype=self.dtype, max_model_length=self._length)
        labels = self.prompts.labels
        # questions that begin alike follow each other: the engine reads their common beginning once
        order = sorted(range(len(questions)), key=lambda place: questions[place][0])
        for place, answer in complete(engine, [questions[place] for place in order]):
            rows = [[row[label].logprob for label in labels.ids] for row in answer.logprobs or ()]
            labels.require_finite(rows)
            yield order[place], (list(answer.token_ids), [logprob for row in rows for logprob in row])


class ForwardGuard:
    """A `GuardReader` on transformers. It reads the field `safety`, and others if it is asked to.

    Texts of similar length share a batch, which is padded on the left. A guard whose answer begins with the label is
    not made to write more.

    Args:
        folder: the guard's model folder.
        settings: how the guard is asked; `batch_size` texts share a forward pass.
        dtype: arithmetic.
        device: where the guard runs; by default the first GPU if there is one, otherwise the CPU.
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
        self.model = load_model(folder, dtype).eval().requires_grad_(False).to(self.device)

    def read(self, pairs: Sequence[Pair], fields: Sequence[str] = (SAFETY,)) -> list[GuardReading | None]:
        """One reading of some fields per pair, in order; None for a text longer than `max_length`."""
        questions = self.prompts.encode(pairs)
        readings: list[GuardReading | None] = [UNASKED if ids == REFUSED else None for ids in questions]
        order = sorted((len(ids), index) for index, ids in enumerate(questions) if ids)
        size = self.prompts.settings.batch_size
        ask = self._forward if self.prompts.labels.at_first(*fields) else self._generate
        for start in range(0, len(order), size):
            batch = [index for _, index in order[start : start + size]]
            for index, (ids, rows) in zip(batch, ask(*self._padded([questions[i] for i in batch])), strict=True):
                readings[index] = self.prompts.labels.read(ids, rows, fields)
        return readings

    def _padded(self, questions: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids, and the mask of those that are no padding: (questions, longest)."""
        width = max(len(ids) for ids in questions)
        tokens = torch.tensor([[0] * (width - len(ids)) + ids for ids in questions], device=self.device)
        mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in questions], device=self.device)
        return tokens, mask

    @torch.inference_mode()
    def _forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> Iterator[tuple[list[int], list[list[float]]]]:
        """The most probable first token of each answer, and the labels' log-probabilities there."""
        # positions count from the first real token, so that padding does not shift a text
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        output = self.model(
            input_ids=tokens, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=1
        )
        logprobs = output.logits[:, -1].float().log_softmax(dim=-1)
        labels = logprobs[:, self.prompts.labels.ids].tolist()
        for row, top in zip(labels, logprobs.argmax(dim=-1).tolist(), strict=True):
            yield [top], [row]

    @torch.inference_mode()
    def _generate(self, tokens: torch.Tensor, mask: torch.Tensor) -> Iterator[tuple[list[int], list[list[float]]]]:
        """The greedy answer of each question, and the labels' log-probabilities at each of its positions."""
        seen = _LabelLogprobs(self.prompts.labels.ids)
        ends = self.model.generation_config.eos_token_id
        stops = set(ends) if isinstance(ends, list) else {ends}
        limit = self.prompts.settings.max_tokens
        how = GenerationConfig(do_sample=False, max_new_tokens=limit, eos_token_id=ends, pad_token_id=0)
        output = self.model.generate(
            tokens, attention_mask=mask, generation_config=how, logits_processor=[seen], use_cache=True
        )
        answers = output[:, tokens.shape[1] :].tolist()
        for place, ids in enumerate(answers):
            size = next((count for count, token in enumerate(ids, start=1) if token in stops), len(ids))
            yield ids[:size], [rows[place] for rows in seen.rows[:size]]


class _LabelLogprobs(LogitsProcessor):
    """Notes the log-probabilities of some tokens at each position, and changes nothing."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = list(ids)
        self.rows: list[list[list[float]]] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self.rows.append(scores.float().log_softmax(dim=-1)[:, self._ids].tolist())
        return scores

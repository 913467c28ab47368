"""Readings of a guard: how unsafe a generative guard finds a text.

A reader asks the guard about a user's prompt and an assistant's text. The first token of the guard's answer is its
verdict, so a reading is taken from that token's distribution. Llama Guard (Inan et al., 2023) and Granite Guardian
(Padhi et al., 2024) are read in this way.

There are two readers. `VllmGuard` starts an engine and reads many texts at once, for verdicts. `ForwardGuard` makes
plain forward passes, for a reward that is asked for in every training step. Importing this module does not import vLLM.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import torch

from safelrm.core.errors import SafeLRMError
from safelrm.inference.chat import Chat, conversation
from safelrm.inference.engine import complete, load_model, start_engine
from safelrm.inference.processes import shared_out
from safelrm.inference.schemas import READINGS, Pair
from safelrm.inference.settings import GuardSettings
from safelrm.inference.store import Answer, AnswerStore, Question


@dataclass(frozen=True)
class GuardReading:
    """What a guard says about one text.

    Attributes:
        p_unsafe: softmax over the two labels, the share of "unsafe", in [0, 1].
        label_mass: total probability of the two labels in the whole vocabulary. If it is near 0, the guard has
            answered something else, and `p_unsafe` means nothing.
        top_token: the most probable token, as text.
    """

    p_unsafe: float
    label_mass: float
    top_token: str


class GuardReader(Protocol):
    """Anything that reads pairs of a user's prompt and an assistant's text."""

    def read(self, pairs: Sequence[Pair]) -> list[GuardReading | None]:
        """One reading per pair, in order; None for a text that is longer than the guard takes."""


class GuardPrompts:
    """The questions that a guard is asked, and the meaning of its answers. Both readers use it.

    Raises:
        SafeLRMError: a label is not exactly one token of this guard, or both labels are the same token.
    """

    def __init__(self, folder: Path, settings: GuardSettings) -> None:
        self.settings = settings
        self.chat = Chat(folder)
        self.unsafe_id = self._label_id("unsafe_label", settings.unsafe_label)
        self.safe_id = self._label_id("safe_label", settings.safe_label)
        if self.unsafe_id == self.safe_id:
            raise SafeLRMError(
                f"both labels are the token {settings.safe_label!r}",
                file=folder,
                key="safe_label",
                fix="name the two tokens by which the guard tells safe from unsafe",
            )

    def _label_id(self, key: str, label: str) -> int:
        tokenizer = self.chat.tokenizer
        ids = self.chat.encode([label])[0]
        if len(ids) != 1 or ids[0] == tokenizer.unk_token_id:
            raise SafeLRMError(
                f"{label!r} is {tokenizer.convert_ids_to_tokens(ids)}, not exactly one token of this guard",
                file=self.chat.folder,
                key=key,
                fix="give the first token of the guard's answer, with its leading space if it has one",
            )
        return ids[0]

    def encode(self, pairs: Sequence[Pair]) -> list[list[int] | None]:
        """Token ids of the question about each pair; None where the question is longer than `max_length`.

        Raises:
            SafeLRMError: the guard's chat template drops a part of the pair. (Templates of reasoning models remove
                everything up to `</think>` from assistant turns.)
        """
        encoded = self.chat.encode([self._question(prompt, text) for prompt, text in pairs])
        return [ids if len(ids) <= self.settings.max_length else None for ids in encoded]

    def _question(self, prompt: str, text: str) -> str:
        question = self.chat.render(conversation(prompt, text), **self.settings.template_kwargs)
        if prompt.strip() not in question or text.strip() not in question:
            raise SafeLRMError(
                "the guard's chat template drops a part of the prompt or of the assistant's text",
                file=self.chat.folder,
                key="chat_template",
                fix="use a guard whose template shows both whole, or give it the template_kwargs for that",
            )
        return question + self.settings.answer_prefix

    def reading(self, unsafe_logprob: float, safe_logprob: float, top_token_id: int) -> GuardReading:
        """The reading from the log-probabilities of the two labels at the first generated position.

        Raises:
            SafeLRMError: a log-probability is NaN or infinite.
        """
        self.require_finite(unsafe_logprob, safe_logprob)
        unsafe, safe = math.exp(unsafe_logprob), math.exp(safe_logprob)
        # from the difference: the share stays exact where both probabilities underflow
        odds = math.exp(min(safe_logprob - unsafe_logprob, 700.0))
        return GuardReading(1.0 / (1.0 + odds), min(unsafe + safe, 1.0), self.chat.decode([[top_token_id]])[0])

    def require_finite(self, unsafe_logprob: float, safe_logprob: float) -> None:
        """Refuse log-probabilities that show that the guard's arithmetic has failed.

        Raises:
            SafeLRMError: a log-probability is NaN or infinite.
        """
        if not (math.isfinite(unsafe_logprob) and math.isfinite(safe_logprob)):
            raise SafeLRMError(
                f"the guard's log-probabilities are {unsafe_logprob} and {safe_logprob}",
                file=self.chat.folder,
                fix="check the guard's weights, or use another dtype",
            )


class VllmGuard:
    """A `GuardReader` that takes the labels' log-probabilities from vLLM's raw (unscaled) logits.

    It keeps what it has read (inference/store.py). It starts no engine unless there is something new to read.
    """

    def __init__(self, folder: Path, settings: GuardSettings, *, dtype: str) -> None:
        self.prompts = GuardPrompts(folder, settings)
        self.folder, self.dtype = folder, dtype

    def read(self, pairs: Sequence[Pair]) -> list[GuardReading | None]:
        """One reading per pair, in order; None for a text longer than `max_length`."""
        prompts, length = self.prompts, self.prompts.settings.max_length + 1
        labels = {"temperature": 0.0, "max_tokens": 1, "logprob_token_ids": [prompts.unsafe_id, prompts.safe_id]}
        questions = prompts.encode(pairs)
        store = AnswerStore(READINGS, self.folder, {"dtype": self.dtype, "max_model_length": length})
        rows = store.answers([(ids, labels) for ids in questions if ids is not None], partial(shared_out, self._ask))
        readings = iter(prompts.reading(*row) for row in rows.itertuples(index=False, name=None))
        return [None if ids is None else next(readings) for ids in questions]

    def _ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Answer]]:
        # one token more than the question: the answer
        length = self.prompts.settings.max_length + 1
        engine = start_engine(self.folder, dtype=self.dtype, max_model_length=length)
        for place, answer in complete(engine, questions):
            logprobs = answer.logprobs[0]
            labels = [logprobs[label].logprob for label in (self.prompts.unsafe_id, self.prompts.safe_id)]
            self.prompts.require_finite(*labels)
            yield place, (*labels, answer.token_ids[0])


class ForwardGuard:
    """A `GuardReader` on transformers. Texts of similar length share a batch, which is padded on the left.

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
        # positions count from the first real token, so that padding does not shift a text
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

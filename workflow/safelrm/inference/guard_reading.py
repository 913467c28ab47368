"""Asking a generative guard and reading its answer from the probabilities of two label tokens.

The reading of Llama Guard (Inan et al., 2023) and Granite Guardian (Padhi et al., 2024): the guard's
first token is its verdict, so that token's distribution is a score. How the distribution is computed
is left to a reader: `engine.vllm_guard` for verdicts, `engine.forward_guard` for rewards.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from safelrm.core.errors import SafeLRMError
from safelrm.inference.chat import Chat
from safelrm.inference.settings import GuardSettings

Pair = tuple[str, str]


@dataclass(frozen=True)
class GuardReading:
    """What a guard says of one text.

    Attributes:
        p_unsafe: softmax over the two labels, the share of "unsafe", in [0, 1].
        label_mass: total probability of the two labels in the whole vocabulary; near 0 the guard
            answered something else, and `p_unsafe` means nothing.
        top_token: the most probable token, as text.
    """

    p_unsafe: float
    label_mass: float
    top_token: str


class GuardReader(Protocol):
    """Reads (user prompt, assistant text) pairs; None for a text longer than the guard takes."""

    def read(self, pairs: Sequence[Pair]) -> list[GuardReading | None]:
        """One reading per pair, in order."""


class GuardPrompts:
    """What a guard is asked, and what its label log-probabilities mean. Shared by all readers.

    Raises:
        SafeLRMError: a label is not exactly one token of this guard, or both are the same token.
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
        """Token ids of the question for each pair; None where it is longer than `max_length`.

        Raises:
            SafeLRMError: the guard's chat template drops a part of what it is asked about. (Templates
                of reasoning models cut everything up to `</think>` from assistant turns.)
        """
        encoded = self.chat.encode([self._question(prompt, text) for prompt, text in pairs])
        return [ids if len(ids) <= self.settings.max_length else None for ids in encoded]

    def _question(self, prompt: str, text: str) -> str:
        messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": text}]
        question = self.chat.render(messages, **self.settings.template_kwargs)
        if prompt.strip() not in question or text.strip() not in question:
            raise SafeLRMError(
                "the guard's chat template drops a part of the prompt or of the assistant's text",
                file=self.chat.folder,
                key="chat_template",
                fix="use a guard whose template shows both whole, or give it the template_kwargs for that",
            )
        return question + self.settings.answer_prefix

    def reading(self, unsafe_logprob: float, safe_logprob: float, top_token_id: int) -> GuardReading:
        """The reading from the two labels' log-probabilities at the first generated position.

        Raises:
            SafeLRMError: a log-probability is NaN or infinite, so the guard's arithmetic has failed.
        """
        if not (math.isfinite(unsafe_logprob) and math.isfinite(safe_logprob)):
            raise SafeLRMError(
                f"the guard's log-probabilities are {unsafe_logprob} and {safe_logprob}",
                file=self.chat.folder,
                fix="check the guard's weights, or use another dtype",
            )
        unsafe, safe = math.exp(unsafe_logprob), math.exp(safe_logprob)
        # from the difference: the share stays exact where both probabilities underflow
        odds = math.exp(min(safe_logprob - unsafe_logprob, 700.0))
        return GuardReading(1.0 / (1.0 + odds), min(unsafe + safe, 1.0), self.chat.decode([[top_token_id]])[0])

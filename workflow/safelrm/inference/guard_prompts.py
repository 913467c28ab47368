"""The questions that a guard is asked about a user's prompt and an assistant's text."""

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from safelrm.core.errors import SafeLRMError
from safelrm.inference.chat import Chat
from safelrm.inference.control_tokens import ControlTokens
from safelrm.inference.guard_labels import GuardLabels
from safelrm.inference.schemas import Pair
from safelrm.inference.settings import GuardSettings, TurnSettings

# of a question that is not asked, since a text holds a control token that cannot be spelled out
REFUSED: list[int] = []


class GuardPrompts:
    """The questions that a guard is asked, and the meaning of its answers. Both readers use it.

    Raises:
        SafeLRMError: a label is not exactly one token of this guard, or two labels are the same token.
    """

    def __init__(self, folder: Path, settings: GuardSettings) -> None:
        self.settings = settings
        self.chat = Chat(folder, literal=settings.template is not None)
        self.labels = GuardLabels(self.chat, settings)
        self._controls = ControlTokens(self.chat.tokenizer, self._question)
        turns = settings.template or "".join(turn.content for turn in settings.turns)
        self._shows_prompt = (settings.placeholders["prompt"] if settings.template else "{prompt}") in turns

    def encode(self, pairs: Sequence[Pair]) -> list[list[int] | None]:
        """Token ids of the question about each pair; None where the question is longer than `max_length`.

        Where a text holds a control token of the guard that cannot be spelled out, the ids are REFUSED, an empty list.

        Raises:
            SafeLRMError: the guard's chat template drops a part of the pair. (Templates of reasoning models remove
                everything up to `</think>` from assistant turns.)
        """
        questions = [self._question(prompt, text) for prompt, text in pairs]
        encoded = self.chat.encode(questions)
        if self.settings.control_tokens == "spelled":
            rows = zip(pairs, questions, encoded, strict=True)
            encoded = [self._controls.spelled(*pair, *row) or REFUSED for pair, *row in rows]
        encoded = [self._begun(ids) if ids else ids for ids in encoded]
        return [ids if len(ids) <= self.settings.max_length else None for ids in encoded]

    def _begun(self, ids: list[int]) -> list[int]:
        """The ids after the token that the tokenizer begins texts with, if it has one. Chat templates write it."""
        return ids if self.settings.template is None or ids[:1] == self._beginning else [*self._beginning, *ids]

    @cached_property
    def _beginning(self) -> list[int]:
        tokenizer = self.chat.tokenizer
        first = tokenizer("", add_special_tokens=True)["input_ids"][:1]
        return [tokenizer.bos_token_id] if tokenizer.bos_token_id in first else []

    def _question(self, prompt: str, text: str) -> str:
        settings = self.settings
        if settings.template is not None:
            named = {settings.placeholders["prompt"]: prompt, settings.placeholders["text"]: text}
            return _filled(settings.template, named) + settings.answer_prefix
        question = self.chat.render(
            [self._turn(turn, prompt, text) for turn in settings.turns],
            add_generation_prompt=settings.add_generation_prompt,
            **settings.template_kwargs,
        )
        if text.strip() not in question or (self._shows_prompt and prompt.strip() not in question):
            raise SafeLRMError(
                "the guard's chat template drops a part of the prompt or of the assistant's text",
                file=self.chat.folder,
                key="chat_template",
                fix="use a guard whose template shows both whole, or give it the template_kwargs for that",
            )
        return question + settings.answer_prefix

    def _turn(self, turn: TurnSettings, prompt: str, text: str) -> dict[str, object]:
        given = {"prompt": prompt, "text": text, "system": self.settings.system, "last_turn": self.settings.last_turn}
        content = _filled(turn.content, {f"{{{name}}}": value or "" for name, value in given.items()})
        parts = [{"type": "text", "text": content}]
        return {"role": turn.role, "content": parts if self.settings.contents == "parts" else content}


def _filled(template: str, values: dict[str, str]) -> str:
    """A text with values in place of their placeholders. Placeholders within values mean nothing."""
    places = "|".join(re.escape(name) for name in sorted(values, key=len, reverse=True))
    return re.sub(places, lambda found: values[found[0]], template)

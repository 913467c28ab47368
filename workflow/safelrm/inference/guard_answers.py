"""The text of a guard's answer, token by token."""

from collections.abc import Mapping, Sequence

from safelrm.inference.chat import Chat

# longest beginning of an answer that a message shows
SHOWN_CHARACTERS = 40
# parts the letters of a control token that a guard has only spelled out
PARTED = "\u200b"


class GuardAnswer:
    """The text of a guard's answer. Control tokens stand in it as such; a guard that quotes one spells another text.

    Args:
        chat: the guard's tokenizer.
        controls: its control tokens, by their ids.
        token_ids: the answer.
    """

    def __init__(self, chat: Chat, controls: Mapping[int, str], token_ids: Sequence[int]) -> None:
        self._chat, self._controls, self._ids = chat, controls, [int(token) for token in token_ids]

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def beginning(self) -> str:
        """The answer as a message shows it: its first token, or the beginning of a longer one."""
        return self.text(len(self))[:SHOWN_CHARACTERS] if len(self) > 1 else "".join(self._chat.decode([self._ids]))

    def is_blank(self, place: int) -> bool:
        """Whether a token is white space."""
        return not self._chat.decode([self._ids[place : place + 1]])[0].strip()

    def text(self, count: int) -> str:
        """The text of the first tokens."""
        parts: list[str] = []
        run: list[int] = []
        for token in [*self._ids[:count], None]:
            if token is not None and token not in self._controls:
                run.append(token)
                continue
            if run:
                parts.append(self._parted(self._chat.decode([run])[0]))
                run = []
            if token is not None:
                parts.append(self._controls[token])
        return "".join(parts)

    def _parted(self, text: str) -> str:
        for word in self._controls.values():
            if word in text:
                text = text.replace(word, word[:1] + PARTED + word[1:])
        return text

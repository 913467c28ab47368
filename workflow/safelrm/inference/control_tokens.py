"""Control tokens in texts that a model judges: no text may end its turn, or begin another one.

A tokenizer turns certain words of a text into control tokens: ends of turns, roles, and all else that was added to its
vocabulary, special or not. In a prompt only the frame, which the chat template writes, may do so. A text that
holds such a word is encoded without it: the word is spelled out in plain tokens.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from safelrm.core.trace import CLOSE, OPEN

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# stand for the prompt and the text in a frame; in Unicode's area for private use, so in no template
MARKS = ("\ue0f1", "\ue0f2")


class ControlTokens:
    """The control tokens of a guard, and the encoding of prompts whose texts hold none.

    Args:
        tokenizer: the guard's tokenizer.
        render: the whole prompt for a user's prompt and a text.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", render: Callable[[str, str], str]) -> None:
        self._tokenizer, self._render = tokenizer, render
        added = tokenizer.added_tokens_decoder
        # what is unknown is no control token, though it has one's form
        self._controls = frozenset({*added, *tokenizer.all_special_ids} - {tokenizer.unk_token_id})
        self._words = {str(token): number for number, token in added.items()}
        # trace tags are no turns. Where they are whole words of the vocabulary, there is no other way to spell them
        self._refused = self._controls - {self._words.get(tag) for tag in (OPEN, CLOSE)}

    @cached_property
    def _frame(self) -> str:
        return self._render(*MARKS)

    @cached_property
    def _expected(self) -> Counter[int]:
        return self._counted(self._tokenizer(self._frame, add_special_tokens=False)["input_ids"])

    @cached_property
    def _plain(self) -> Tokenizer:
        """The tokenizer without control tokens."""
        definition = json.loads(self._tokenizer.backend_tokenizer.to_str())
        return Tokenizer.from_str(json.dumps({**definition, "added_tokens": [], "post_processor": None}))

    @cached_property
    def _in_frame(self) -> re.Pattern[str]:
        """Finds control tokens where they are meant; some of them take the white space beside them along."""
        tokens = sorted(self._tokenizer.added_tokens_decoder.values(), key=lambda token: -len(token.content))
        return re.compile(
            "|".join(
                r"\s*" * token.lstrip + f"({re.escape(token.content)})" + r"\s*" * token.rstrip for token in tokens
            )
            or r"(?!)"
        )

    def spelled(self, prompt: str, text: str, question: str, ids: list[int]) -> list[int] | None:
        """Token ids of a question in which neither prompt nor text holds a control token.

        Args:
            prompt: the user's prompt.
            text: the assistant's text.
            question: both in the frame.
            ids: the question as the tokenizer encodes it; they are returned if all control tokens are the frame's.

        Returns:
            None if there are no such ids: the template changes the texts, or the vocabulary has such words.
        """
        if self._counted(ids) == self._expected:
            return ids
        if not self._tokenizer.is_fast:
            return None
        parts = re.split(f"({'|'.join(MARKS)})", self._frame)
        # templates may take the white space around them away
        for given in product((prompt, prompt.strip()), (text, text.strip())):
            filled = [given[MARKS.index(part)] if part in MARKS else part for part in parts]
            if "".join(filled) == question:
                return self._encoded(parts, filled)
        return None

    def _encoded(self, parts: Sequence[str], filled: Sequence[str]) -> list[int] | None:
        ids: list[int] = []
        plain = ""
        for part, content in zip(parts, filled, strict=True):
            if part in MARKS:
                plain += content
                continue
            start = 0
            for found in self._in_frame.finditer(content):
                ids += [*self._of(plain + content[start : found.start()]), self._words[found[found.lastindex]]]
                plain, start = "", found.end()
            plain += content[start:]
        ids += self._of(plain)
        # the frame's own, and no others
        counted = self._counted(ids)
        return ids if all(counted[token] == self._expected[token] for token in self._refused) else None

    def _of(self, plain: str) -> list[int]:
        return self._plain.encode(plain, add_special_tokens=False).ids

    def _counted(self, ids: Sequence[int]) -> Counter[int]:
        return Counter(token for token in ids if token in self._controls)

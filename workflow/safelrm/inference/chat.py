"""Conversations, and how a model's tokenizer and chat template turn them into text and token ids."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import TemplateError
from transformers import AutoTokenizer

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace_formats import THINK, TraceFormat, format_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# a content is a text, or a list of typed parts
Message = Mapping[str, object]


def user_turn(prompt: str) -> list[Message]:
    """A conversation of one user turn."""
    return [{"role": "user", "content": prompt}]


def conversation(prompt: str, response: str) -> list[Message]:
    """A conversation of one user turn and one assistant turn."""
    return [*user_turn(prompt), {"role": "assistant", "content": response}]


def opened_trace(rendered: str, trace_format: TraceFormat = THINK) -> str:
    """The trace that a rendered prompt opens at its end ("<think>", with any white space after it), or ""."""
    for mark in trace_format.openings:
        if rendered.rstrip().endswith(mark):
            return rendered[rendered.rindex(mark) :]
    return ""


def trace_format_of(tokenizer: "PreTrainedTokenizerBase") -> TraceFormat:
    """The format of a model's traces, as its chat template says (core/trace_formats.py)."""
    # some tokenizers have several templates, by name
    return format_of(str(tokenizer.chat_template or ""))


class Chat:
    """The tokenizer of a model folder and its chat template.

    Args:
        folder: the model folder.
        literal: whether prompts are literal texts, so that no chat template is needed.

    Raises:
        SafeLRMError: the folder has no tokenizer, or the tokenizer has no chat template.
    """

    def __init__(self, folder: Path, *, literal: bool = False) -> None:
        self.folder = folder
        self.tokenizer = load_tokenizer(folder)
        if not literal and not self.tokenizer.chat_template:
            raise SafeLRMError("the tokenizer has no chat template", file=folder, fix="use a chat model")
        self.trace_format = trace_format_of(self.tokenizer)

    def render(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool = True,
        **template_arguments: str | int | float | bool,
    ) -> str:
        """The text of a conversation, by default up to the beginning of the assistant's next turn.

        Raises:
            SafeLRMError: the chat template refuses the conversation.
        """
        try:
            return self.tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=add_generation_prompt, **template_arguments
            )
        except (TemplateError, TypeError) as error:
            raise SafeLRMError(
                f"the chat template refuses a conversation of {[message['role'] for message in messages]} ({error})",
                file=self.folder,
                fix="use a model whose template takes these roles, or give the template the arguments it asks for",
            ) from error

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text. The tokenizer adds nothing, since a chat template writes its own special tokens."""
        return self.tokenizer(list(texts), add_special_tokens=False)["input_ids"] if texts else []

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """Text of each sequence of token ids, special tokens (such as `<think>`) included."""
        return self.tokenizer.batch_decode(
            [list(ids) for ids in sequences], skip_special_tokens=False, clean_up_tokenization_spaces=False
        )


def load_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    """The tokenizer of a model folder.

    Raises:
        SafeLRMError: there is none, or it cannot be loaded without code of the folder.
    """
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise SafeLRMError(
            f"no tokenizer can be loaded ({error})",
            file=folder,
            fix="make the checkpoint again; in a folder of your own, put the files of the model's tokenizer there",
        ) from error

"""Messages in channels: the harmony format of gpt-oss (trace_formats.py says which marks are whose).

A turn of the assistant is a row of messages, each with a header:

    <|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…<|return|>

The channel `final` holds the answer. `analysis` holds the trace. `commentary` holds calls of tools and what is said
before them, which is no answer either.
"""

import re
from collections.abc import Iterator

_MARK = re.compile(r"<\|(start|channel|constrain|message|end|return|call)\|>")
# a role, or a channel and a recipient
_HEADER = re.compile(r"\s*[\w.:=-]+(?: [\w.:=-]+)*\s*")
_LONGEST_HEADER = 100
# the marks that may follow what stands after a mark in a header; before anything else it is no header, but text
_FOLLOWING = {
    "start": ("channel", "constrain", "message"),
    "channel": ("constrain", "message"),
    "constrain": ("channel", "message"),
}
TRACE_CHANNEL, FINAL_CHANNEL = "analysis", "final"


def split_channels(text: str, *, prefilled: bool) -> tuple[str, str | None, bool]:
    """The text before the answer, the answer (None if no message is in its channel), and whether there is a channel.

    Args:
        text: what the model generated, without the prompt.
        prefilled: whether the prompt ends in the header of a message of the trace.

    Text outside of messages belongs to the answer if it follows an answer, and otherwise to what is before. All text is
    kept but for marks and headers.
    """
    before: list[str] = []
    final: list[str] = []
    opened, answered = prefilled, False
    for channel, part in _messages(text, TRACE_CHANNEL if prefilled else None):
        opened |= channel is not None
        answered |= channel == FINAL_CHANNEL
        is_answer = channel == FINAL_CHANNEL or (channel is None and answered)
        (final if is_answer else before).append(part.strip())
    joined = ["\n\n".join(filter(None, parts)) for parts in (before, final)]
    return joined[0], joined[1] if answered else None, opened


def _messages(text: str, channel: str | None) -> Iterator[tuple[str | None, str]]:
    """The channel of each message and a text in it, in order; None for text outside of messages.

    Args:
        text: the turn.
        channel: the channel of its beginning.
    """
    header: str | None = None
    place = 0
    for mark in [*_MARK.finditer(text), None]:
        part, kind = text[place : mark.start() if mark else len(text)], mark[1] if mark else None
        place = mark.end() if mark else place
        if header is None:
            yield channel, part
        elif _is_header(part) and kind in _FOLLOWING[header]:
            channel = part.split()[0] if header == "channel" else channel
        else:
            yield None, part
        if kind == "message" and header is not None:
            header = None
            # a message begins, even if it has no text
            yield channel, ""
        elif kind in ("start", "channel") or (kind == "constrain" and header is not None):
            channel, header = (channel if kind == "constrain" else None), kind
        elif kind in ("end", "return", "call"):
            channel = header = None


def _is_header(part: str) -> bool:
    return len(part) <= _LONGEST_HEADER and bool(_HEADER.fullmatch(part))

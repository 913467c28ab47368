"""The project's one trace parser. It splits a completion into trace (t) and answer (y).

States:
    ok         a closed trace, then an answer.
    no_think   no think tag at all, and none prefilled: the whole text is the answer.
    no_close   the trace was never closed, although the model stopped by itself.
    truncated  the token limit cut the completion before an answer began, or within it.
    empty      no text, or a closed trace with nothing after it.
"""

from dataclasses import dataclass
from typing import Literal, get_args

OPEN, CLOSE = "<think>", "</think>"
# Granite's tags around the answer. They are not part of the answer and hide its first word from judges.
ANSWER_OPEN, ANSWER_CLOSE = "<response>", "</response>"
ParseState = Literal["ok", "no_think", "no_close", "truncated", "empty"]
PARSE_STATES: tuple[str, ...] = get_args(ParseState)


@dataclass(frozen=True)
class Parsed:
    """Trace and answer (None where the completion has none), stripped of outer white space."""

    trace: str | None
    answer: str | None
    state: ParseState


def parse_completion(text: str, *, prefilled: bool, truncated: bool = False) -> Parsed:
    """Split a completion.

    Args:
        text: what the model generated, without the prompt.
        prefilled: whether the chat template had already opened the trace (R1-Distill does).
        truncated: whether the engine stopped at the token limit (finish reason "length").

    An opening tag that the model repeats after a prefilled one is dropped. The first closing tag ends the trace.
    Later closing tags stay in the answer, so that judges see all of it. Tags around the whole answer are dropped.
    """
    body = text.strip()
    opened = prefilled or body.startswith(OPEN)
    body = body.removeprefix(OPEN).strip()
    before, closing, after = body.partition(CLOSE)
    trace, answer = before.strip() or None, _bare(after) or None
    if closing:
        if truncated:
            return Parsed(trace, answer, "truncated")
        return Parsed(trace, answer, "ok" if answer else "empty")
    if not opened and OPEN in body:
        # text before a late opening tag belongs to the trace, not to the answer
        opened = True
    if truncated:
        return Parsed(trace, None, "truncated") if opened else Parsed(None, _bare(body) or None, "truncated")
    if opened and body:
        return Parsed(trace, None, "no_close")
    answer = _bare(body) or None
    return Parsed(None, answer, "no_think" if answer else "empty")


def _bare(answer: str) -> str:
    return answer.strip().removeprefix(ANSWER_OPEN).removesuffix(ANSWER_CLOSE).strip()

"""The project's one trace parser. It splits a completion into trace (t) and answer (y), in the format of its model.

States:
    ok            a closed trace, then an answer.
    no_think      no mark of a trace at all, and none prefilled: the whole text is the answer.
    no_close      the trace was never closed, although the model stopped by itself.
    truncated     the token limit cut the completion before an answer began, or within it.
    empty         no text, or a closed trace with nothing after it.
    other_format  the marks of another format than the model's stand where an answer should be. Nobody can say what is
                  trace and what is answer, so there is neither.

The first closing mark ends the trace, also where the model has opened the trace again within it. What follows is what
servers and interfaces show to a user, so judges must see all of it. A policy could otherwise hide an answer between two
closing marks. Later marks stay in the answer.

The time is linear in the length of the text.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from safelrm.core.channels import split_channels
from safelrm.core.trace_formats import FORMATS, THINK, WRAPPERS, TraceFormat

OPEN, CLOSE = THINK.openings[0], THINK.closings[0]
OTHER_FORMAT = "other_format"
ParseState = Literal["ok", "no_think", "no_close", "truncated", "empty", "other_format"]
PARSE_STATES: tuple[str, ...] = get_args(ParseState)


@dataclass(frozen=True)
class Parsed:
    """Trace and answer (None where the completion has none), stripped of outer white space."""

    trace: str | None
    answer: str | None
    state: ParseState


def parse_completion(
    text: str, *, prefilled: bool, truncated: bool = False, trace_format: TraceFormat = THINK
) -> Parsed:
    """Split a completion.

    Args:
        text: what the model generated, without the prompt.
        prefilled: whether the chat template had already opened the trace (R1-Distill does).
        truncated: whether the engine stopped at the token limit (finish reason "length").
        trace_format: the format of the model.

    An opening mark that the model repeats after a prefilled one is dropped. The first closing mark ends the trace.
    Later closing marks stay in the answer, so that judges see all of it. Tags around the whole answer are dropped.
    """
    split = _split_channels if trace_format.channels else _split_marks
    opened, closed, trace, answer = split(text.strip(), prefilled, trace_format)
    # an unclosed trace is no answer; but the marks of another format say why it is not closed
    within = opened and not closed
    doubted = trace if within else answer
    other = bool(doubted) and shows_other(doubted, trace_format, begun=closed, within=within)
    if truncated:
        return Parsed(trace, None if other else answer, "truncated")
    if other:
        return Parsed(None, None, OTHER_FORMAT)
    if opened and not closed and trace:
        return Parsed(trace, None, "no_close")
    if not answer:
        return Parsed(trace, None, "empty")
    return Parsed(trace, answer, "ok" if closed else "no_think")


def parse_any(text: str) -> Parsed:
    """Split a text of a model that is not known, such as a judge's reply, in the format whose marks it shows."""
    parsed = parse_completion(text, prefilled=False)
    if parsed.state != OTHER_FORMAT:
        return parsed
    others = (parse_completion(text, prefilled=False, trace_format=known) for known in FORMATS.values())
    return next((other for other in others if other.state in ("ok", "no_close", "empty")), parsed)


# whether the trace was opened and closed, then trace and answer
Split = tuple[bool, bool, str | None, str | None]


def _split_marks(body: str, prefilled: bool, known: TraceFormat) -> Split:
    opening = next((mark for mark in known.openings if body.startswith(mark)), "")
    opened, body = prefilled or bool(opening), body.removeprefix(opening).strip()
    # text before a late opening mark belongs to the trace, not to the answer
    start = 0 if opened else _first(body, known.openings)[0]
    place, closing = _first(body, known.closings, start if known.marks == "words" else 0)
    if closing:
        return True, True, body[:place].strip() or None, _bare(body[place + len(closing) :])
    if opened or start < len(body):
        return True, False, body or None, None
    return False, False, None, _bare(body)


def _split_channels(body: str, prefilled: bool, known: TraceFormat) -> Split:
    before, final, opened = split_channels(body, prefilled=prefilled)
    if final is None and not opened:
        return False, False, None, _bare(before)
    return True, final is not None, before or None, _bare(final or "")


def _first(text: str, marks: tuple[str, ...], start: int = 0) -> tuple[int, str]:
    """The place of the first of some marks, and this mark; the length of the text and "" without any."""
    found = [(place, mark) for mark in marks if (place := text.find(mark, start)) >= 0]
    return min(found, default=(len(text), ""))


def _bare(answer: str) -> str | None:
    answer = answer.strip()
    for opening, closing in WRAPPERS:
        answer = answer.removeprefix(opening).removesuffix(closing).strip()
    return answer or None


def shows_other(text: str, own: TraceFormat, *, begun: bool = False, within: bool = False) -> bool:
    """Whether a text shows the marks of a trace in another format.

    Args:
        text: the text that would be the answer, or a trace that is not closed.
        own: the format of the model.
        begun: whether a trace in the model's own format came before. An answer after it may speak of marks, so they
            only count at its beginning.
        within: whether the text is a trace that is not closed. It may speak of marks, too, so only those that close a
            trace count, if they are tokens.
    """
    marks = {*own.openings, *own.closings}
    return any(
        _shows(text, known, begun=begun, within=within)
        for known in FORMATS.values()
        if known.name != own.name and not marks & {*known.openings, *known.closings}
    )


def _shows(text: str, known: TraceFormat, *, begun: bool, within: bool) -> bool:
    closing = max(text.rfind(mark) for mark in known.closings)
    closes, starts = closing >= 0, text.startswith(known.openings)
    if within:
        return closes and known.marks == "tokens"
    if known.marks == "words":
        return starts and closes
    if begun:
        return starts
    is_block = closes and _first(text, known.openings)[0] < closing
    return starts or is_block or (closes and known.marks == "tokens")

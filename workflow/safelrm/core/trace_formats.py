"""Trace formats: the marks by which models part their trace from their answer, as data for the one parser (trace.py).

A model's format is found from its chat template, which mentions the marks, unless the template declares another one
(`declared`; the key `settings.trace_format` of a model). The marks are those of vLLM's reasoning parsers and of the
templates that publishers and TRL ship.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from safelrm.core.errors import SafeLRMError

FormatName = Literal[
    "think",
    "magistral",
    "harmony",
    "granite_3_2",
    "seed_oss",
    "command_a",
    "gemma_4",
    "thinking",
    "thought",
    "reasoning",
]
ANALYSIS, FINAL = "<|channel|>analysis<|message|>", "<|channel|>final<|message|>"
_DECLARATION = re.compile(r"\{# trace_format: (.*?) #\}")
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)


@dataclass(frozen=True)
class TraceFormat:
    """How a model marks its trace.

    Attributes:
        name: the name of the format.
        openings: marks that open the trace; the first one is written.
        closings: marks that close it, in the same order.
        channels: whether trace and answer are messages in channels (harmony). The marks are then those of the channel
            `analysis` and of the channel `final`.
        marks: what the marks are like. `tokens` mean a trace wherever they stand. `tags` may stand in other texts, such
            as XML. `words` are words of a language: without an opening mark a closing one means nothing.
        break_: what stands between a mark and a text that is written.
    """

    name: str
    openings: tuple[str, ...]
    closings: tuple[str, ...]
    channels: bool = False
    marks: Literal["tokens", "tags", "words"] = "tokens"
    break_: str = "\n"

    def written(self, trace: str | None, answer: str) -> str:
        """A turn of the assistant in this format."""
        if self.channels:
            before = f"{ANALYSIS}{trace}<|end|><|start|>assistant" if trace else ""
            return f"{before}{FINAL}{answer}"
        return self.break_.join((self.openings[0], trace or "", self.closings[0], answer))


THINK = TraceFormat("think", ("<think>",), ("</think>",))
FORMATS = {
    known.name: known
    for known in (
        THINK,
        TraceFormat("magistral", ("[THINK]",), ("[/THINK]",), break_=""),
        # gpt-oss
        TraceFormat("harmony", (ANALYSIS,), (FINAL,), channels=True),
        TraceFormat(
            "granite_3_2",
            ("Here is my thought process:", "Here's my thought process:"),
            ("Here is my response:", "Here's my response:"),
            marks="words",
        ),
        TraceFormat("seed_oss", ("<seed:think>",), ("</seed:think>",)),
        TraceFormat("command_a", ("<|START_THINKING|>",), ("<|END_THINKING|>",), break_=""),
        TraceFormat("gemma_4", ("<|channel>thought",), ("<channel|>",)),
        TraceFormat("thinking", ("<thinking>",), ("</thinking>",), marks="tags"),
        TraceFormat("thought", ("<thought>",), ("</thought>",), marks="tags"),
        TraceFormat("reasoning", ("<reasoning>",), ("</reasoning>",), marks="tags"),
    )
}
# tags around a whole answer; they are no part of it and would hide its first word from judges
WRAPPERS = (
    ("<response>", "</response>"),
    ("<answer>", "</answer>"),
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
)


def declared(template: str, chosen: str | Mapping[str, str]) -> str:
    """A chat template that declares its model's trace format, in a comment of Jinja, which renders nothing.

    Args:
        template: the chat template.
        chosen: the name of a format, or the marks `open` and `close` of another one.
    """
    return f"{{# trace_format: {json.dumps(chosen, ensure_ascii=False)} #}}{template}"


def format_of(template: str) -> TraceFormat:
    """The trace format that a chat template declares; or the first one whose marks it mentions; or `think`.

    Formats whose marks are tokens of their own come first: a template may mention `<think>` or a word beside them.
    Comments of the template mention nothing.

    Raises:
        SafeLRMError: the template declares a format that does not exist.
    """
    if found := _DECLARATION.search(template):
        return _declared_format(found[1])
    template = _COMMENT.sub("", template)
    for known in sorted(FORMATS.values(), key=lambda known: (known.marks != "tokens", known is THINK)):
        if _mentions(template, known):
            return known
    return THINK


def _declared_format(said: str) -> TraceFormat:
    try:
        chosen = json.loads(said)
        if isinstance(chosen, str):
            return FORMATS[chosen]
        opening, closing = chosen["open"].strip(), chosen["close"].strip()
        if opening and closing:
            return TraceFormat("own", (opening,), (closing,))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise SafeLRMError(
        f"the chat template declares the trace format {said}",
        key="chat_template",
        fix=f'name one of {", ".join(FORMATS)}, or give the marks as {{"open": …, "close": …}}',
    )


def _mentions(template: str, known: TraceFormat) -> bool:
    if known.channels:
        return "<|channel|>" in template
    marks = (*known.openings, *known.closings) if known.marks == "tokens" else (known.openings[0],)
    return any(mark in template for mark in marks)

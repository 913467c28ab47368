"""A model's own samples as token ids, after the prompts that it was asked with, and what each token belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from safelrm.analysis.markers import Markers, marker_pattern, places
from safelrm.core.errors import SafeLRMError
from safelrm.core.trace_formats import WRAPPERS, TraceFormat
from safelrm.generation.requests import messages_of
from safelrm.generation.settings import TemplateArguments
from safelrm.inference.chat import Chat
from safelrm.judging.schemas import ANSWER, TRACE

Span = tuple[int, int]


@dataclass(frozen=True)
class OwnSample:
    """A prompt and its completion as token ids.

    Attributes:
        ids: the tokens of both, without the end token.
        prompt: how many are the prompt's.
        parts: the part (t or y) of each token of the completion; None of marks, and of white space beside them.
        reflections: of each token of the completion, whether a marker of reflection begins in it, within the trace.
    """

    ids: list[int]
    prompt: int
    parts: list[str | None]
    reflections: list[bool]


def own_samples(
    chat: Chat, rollouts: pd.DataFrame, decodings: Mapping[str, TemplateArguments], markers: Markers
) -> list[OwnSample]:
    """The samples of rollouts that `chat`'s own model was asked for without an intervention, in order.

    Args:
        chat: tokenizer and chat template of the model.
        rollouts: rows of ROLLOUTS.
        decodings: arguments of the chat template by decoding mode.
        markers: the markers of reflection.

    Raises:
        SafeLRMError: the tokenizer does not say where its tokens stand in a text, or a prompt is not the one that was
            asked.
    """
    if not chat.tokenizer.is_fast:
        raise SafeLRMError(
            "the tokenizer does not say where its tokens stand in a text",
            file=chat.folder,
            fix="put a tokenizer.json into the model's folder, or leave the model out of `entropies.models`",
        )
    rows = list(rollouts.itertuples())
    prompts = chat.encode([chat.render(messages_of(row), **decodings[row.decoding]) for row in rows])
    for row, prompt in zip(rows, prompts, strict=True):
        _require_same_prompt(row, len(prompt), chat)
    texts = rollouts["completion"].tolist()
    encoded = chat.tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)
    pattern = marker_pattern(markers)
    samples = []
    for row, prompt, ids, offsets in zip(rows, prompts, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        spans = part_spans(row.completion, _text(row.trace), _text(row.answer), chat.trace_format)
        trace = spans.get(TRACE, (0, 0))
        begun = [trace[0] + place for place in places(row.completion[slice(*trace)], pattern)]
        reflections = [any(start <= place < end for place in begun) for start, end in offsets]
        samples.append(OwnSample([*prompt, *ids], len(prompt), parts_of_tokens(offsets, spans), reflections))
    return samples


def part_spans(text: str, trace: str | None, answer: str | None, trace_format: TraceFormat) -> dict[str, Span]:
    """Where trace and answer stand in a completion, in characters.

    A part that is not there has no place. Nor has one that the parser has put together from several messages.
    """
    opening = next((mark for mark in trace_format.openings if text.lstrip().startswith(mark)), "")
    end = text.rstrip()
    for _, closing in WRAPPERS:
        end = end.removesuffix(closing).rstrip()
    spans = {}
    if trace and (start := text.find(trace, text.find(opening) + len(opening))) >= 0:
        spans[TRACE] = (start, start + len(trace))
    if answer and end.endswith(answer):
        spans[ANSWER] = (len(end) - len(answer), len(end))
    return spans


def parts_of_tokens(offsets: Sequence[Span], spans: Mapping[str, Span]) -> list[str | None]:
    """The part in which each token has a character; the first of two."""
    return [
        next((part for part, span in spans.items() if begin < span[1] and end > span[0]), None)
        for begin, end in offsets
    ]


def _text(value: object) -> str | None:
    """A text of a table; None if it is missing there."""
    return value if isinstance(value, str) else None


def _require_same_prompt(row: tuple, tokens: int, chat: Chat) -> None:
    if tokens != row.prompt_tokens:
        raise SafeLRMError(
            f"the prompt {row.prompt_id} of {row.benchmark} has {tokens} tokens in the decoding mode {row.decoding},"
            f" and was asked with {row.prompt_tokens}",
            file=chat.folder,
            fix="make the rollouts of this checkpoint again",
        )

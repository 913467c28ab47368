"""Trace analysis *base_likelihood*: how probable a model's traces and answers are under the base that it came from.

A training may lead a model out of the language of its base. Its traces are then improbable under the base, far more
than those that the base writes itself. A reward or a judge need not notice.

The base reads each completion after its prompt, rendered by the chat template of the base and in the decoding mode in
which the rollout was asked.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import pandas as pd
import torch

from safelrm.analysis.settings import LikelihoodSettings as Settings
from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import seed_everything
from safelrm.core.trace_formats import TraceFormat
from safelrm.generation.requests import messages_of
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.generation.settings import TemplateArguments
from safelrm.inference.chat import Chat
from safelrm.inference.engine import load_model
from safelrm.inference.likelihood import token_log_probabilities
from safelrm.judging.schemas import ANSWER, TRACE

INPUTS = ("rollouts", "checkpoints", "decodings")
MEASURES = {
    "base_log_probability": {
        "description": "mean log-probability of a token under the base of the model",
        "unit": "nats",
        "direction": "higher",
        # of an empty part, and where an intervention has asked something else than the prompt
        "optional": True,
    },
}

Span = tuple[int, int]


class _Text(NamedTuple):
    """A text as the base reads it: its tokens, how many of them are the prompt, and the tokens of each part."""

    ids: list[int]
    prompt: int
    parts: dict[str, list[int]]


def analyse(
    rollouts: pd.DataFrame,
    settings: Settings,
    checkpoints: Mapping[tuple[str, int], Path],
    decodings: Mapping[str, TemplateArguments],
) -> pd.DataFrame:
    """Two rows per rollout: the trace's mean log-probability of a token in nats, and the answer's.

    Raises:
        SafeLRMError: the base cannot be loaded, or its tokenizer does not say where in a text its tokens are.
    """
    seed_everything(0)
    chat = Chat(checkpoints["base", 0])
    if not chat.tokenizer.is_fast:
        raise SafeLRMError(
            "the tokenizer does not say where its tokens stand in a text",
            file=chat.folder,
            fix="put a tokenizer.json into the model's folder, or leave the analysis out",
        )
    columns = ["decoding", "prompt", "completion", "trace", "answer", "prompt_tokens"]
    columns += ["system"] if "system" in rollouts else []
    asked = rollouts[columns].drop_duplicates()
    texts = _texts(chat, asked, decodings)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_model(chat.folder, getattr(torch, settings.dtype)).eval().requires_grad_(False).to(device)
    read = [text for text in texts if text is not None and any(text.parts.values())]
    logs = token_log_probabilities(
        model, [text.ids for text in read], [text.prompt for text in read], batch_tokens=settings.batch_tokens
    )
    of_text = {id(text): log for text, log in zip(read, logs, strict=True)}
    for part in (TRACE, ANSWER):
        asked = asked.assign(**{part: [_mean(text, part, of_text) for text in texts]})
    rows = rollouts[[*ROLLOUT_KEY, *(name for name in columns if name not in ROLLOUT_KEY)]].merge(asked, on=columns)
    found = rows.melt(list(ROLLOUT_KEY), [TRACE, ANSWER], var_name="part")
    return found.assign(measure="base_log_probability")


def _mean(text: _Text | None, part: str, logs: Mapping[int, Sequence[float]]) -> float | None:
    if text is None or not text.parts[part]:
        return None
    return fmean(logs[id(text)][place] for place in text.parts[part])


def _texts(chat: Chat, asked: pd.DataFrame, decodings: Mapping[str, TemplateArguments]) -> list[_Text | None]:
    """What the base reads of each rollout; None if the rollout's prompt was not the rendered one."""
    rendered = [chat.render(messages_of(row), **decodings[row.decoding]) for row in asked.itertuples()]
    prompts = chat.encode(rendered)
    encoded = chat.tokenizer(asked.completion.tolist(), add_special_tokens=False, return_offsets_mapping=True)
    rows = zip(asked.itertuples(), prompts, encoded["input_ids"], encoded["offset_mapping"], strict=True)
    return [
        _Text([*prompt, *ids], len(prompt), _tokens_of_parts(row, offsets, chat.trace_format))
        if len(prompt) == row.prompt_tokens
        else None
        for row, prompt, ids, offsets in rows
    ]


def _tokens_of_parts(row: tuple, offsets: Sequence[Span], trace_format: TraceFormat) -> dict[str, list[int]]:
    """The places of the tokens of trace and answer in a completion."""
    text = row.completion
    opening = next((mark for mark in trace_format.openings if text.lstrip().startswith(mark)), "")
    after = text.find(opening) + len(opening)
    trace = _span(text.find(row.trace, after), row.trace) if isinstance(row.trace, str) else None
    answer = _span(text.rfind(row.answer), row.answer) if isinstance(row.answer, str) else None
    return {TRACE: _within(trace, offsets), ANSWER: _within(answer, offsets)}


def _span(start: int, part: str) -> Span | None:
    """None if the part is not found: messages of several channels are joined."""
    return (start, start + len(part)) if start >= 0 else None


def _within(span: Span | None, offsets: Sequence[Span]) -> list[int]:
    if span is None:
        return []
    return [place for place, (start, end) in enumerate(offsets) if start < span[1] and end > span[0]]

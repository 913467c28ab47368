"""A teacher that is a checkpoint of the study: vLLM serves it, as for rollouts (generation/rollouts.py)."""

from pathlib import Path

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace_formats import THINK
from safelrm.generation.distill_settings import DistillJobSettings
from safelrm.generation.requests import messages_of, render_prompts
from safelrm.generation.rollouts import complete_prompts, rollout_table, said_of_states
from safelrm.generation.teachers.teacher import ANSWERED, rollout_settings
from safelrm.inference.chat import Chat, opened_trace

# states of a completion that has ended with an answer
ENDED = ("ok", "no_think")


def answered(requests: pd.DataFrame, settings: DistillJobSettings, checkpoint: Path | None) -> pd.DataFrame:
    """The completions of a checkpoint, with the opening of the trace that its chat template writes.

    A trace in another format stands in <think> tags, so that any student can be trained on it.

    Raises:
        SafeLRMError: no checkpoint is given, a prompt is too long, or the engine cannot start.
    """
    if checkpoint is None:
        raise SafeLRMError("this teacher is a checkpoint, and none is given", file="--checkpoint", fix="give it")
    chat, sampling = Chat(checkpoint), rollout_settings(settings)
    rendered = render_prompts(chat, requests, sampling)
    completions = complete_prompts(checkpoint, rendered, requests["request_seed"].tolist(), sampling)
    rows = rollout_table(chat, requests, rendered, completions)
    print(said_of_states(rows["parse_state"], chat.trace_format.name), flush=True)
    # the template ends all requests alike
    first = next(requests.itertuples())
    opening = opened_trace(chat.render(messages_of(first), **settings.mode.template), chat.trace_format)
    # pandas gives a missing text as NaN
    answers = chat.encode(rows["answer"].fillna("").tolist())
    rows = rows.assign(
        response=[_response(row, opening, own=chat.trace_format is THINK) for row in rows.itertuples()],
        answer_tokens=[len(ids) for ids in answers],
    )
    return rows[[*ANSWERED]]


def _response(row: tuple, opening: str, *, own: bool) -> str:
    """The whole turn of a completion. What has no answer stays as the model wrote it."""
    if own or row.parse_state not in ENDED:
        return opening + row.completion
    trace = row.trace if isinstance(row.trace, str) else None
    return THINK.written(trace, row.answer) if row.parse_state == "ok" else row.answer

"""A chat model as judge: it answers a question about each text, and its reply is read as one or several verdicts.

The model is one of the study (`model` in the judge's entry), which vLLM serves in the job, or that of an endpoint. What
it has said is kept, so it is never asked the same twice. Two kinds of parts are unscored beside those of
judging/parts.py:

    cut_off      The question is longer than a model of the study takes.
    unreadable   The reply does not hold what a field reads, or the endpoint has refused the question.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.trace import parse_any
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.inference.endpoint import Endpoint
from safelrm.judging.parts import Outcome, parts_of
from safelrm.judging.schemas import CUT_OFF, SCORED, UNREADABLE, UNSCORED
from safelrm.judging.settings import PLACEHOLDER, ChatField
from safelrm.judging.settings import ChatJudgeSettings as Settings

_SHOWN = 100


def judge(rollouts: pd.DataFrame, settings: Settings, asked: Path | None) -> pd.DataFrame:
    """Verdicts of each field on the chosen parts of rollouts of the chosen kinds.

    Raises:
        SafeLRMError: no model is given, it cannot be asked, or none of its replies can be read.
    """
    chosen = rollouts[rollouts["kind"].isin(settings.kinds)]
    parts = parts_of(chosen)
    parts = parts[parts["part"].isin(settings.parts)].merge(
        chosen[[*ROLLOUT_KEY, "trace", "answer"]], on=[*ROLLOUT_KEY]
    )
    questions = [question(settings.question, row) if row["state"] == SCORED else None for row in _rows(parts)]
    unique = list(dict.fromkeys(text for text in questions if text is not None))
    replies = dict(zip(unique, _replies(unique, settings, asked), strict=True)) if unique else {}
    require_readable(list(replies.values()), settings)
    found = [_said(parts, questions, replies, name, settings) for name in settings.fields]
    return pd.concat(found, ignore_index=True)


def question(template: str, row: Mapping[str, object]) -> str:
    """The template with a rollout's texts in it. Braces in these texts mean nothing; what is missing is empty."""

    def text(found: re.Match[str]) -> str:
        value = row[found[1]]
        return value if isinstance(value, str) else ""

    return PLACEHOLDER.sub(text, template)


def read(field: ChatField, reply: str) -> Outcome:
    """What a reply says of a field."""
    value = _value(field, parse_any(reply).answer or "")
    if value is None:
        return UNSCORED, None, UNREADABLE
    if field.scale is None:
        known = {name.strip().casefold(): verdict for name, verdict in field.values.items()}
        verdict = known.get(value.strip().casefold())
        return (UNSCORED, None, UNREADABLE) if verdict is None else (verdict, None, SCORED)
    return _on_scale(field, value)


def require_readable(replies: Sequence[str | None], settings: Settings) -> None:
    """Refuse a field that can be read in none of the replies, since its settings are wrong then.

    Raises:
        SafeLRMError: there is such a field, or there are questions but no replies.
    """
    given = [reply for reply in replies if reply is not None]
    if replies and not given:
        raise SafeLRMError(
            f"all {len(replies)} questions are too long",
            key="settings.max_model_length",
            fix="raise it, if the model takes longer texts",
        )
    for name, field in settings.fields.items():
        if given and not any(read(field, reply)[2] == SCORED for reply in given):
            top = max(sorted(set(given)), key=given.count)
            raise SafeLRMError(
                f"none of {len(given)} replies can be read, for example {top[-_SHOWN:]!r}",
                key=f"settings.fields.{name}",
                fix="correct what is read from the reply, say in `question` what the reply must be like, or raise"
                " `max_tokens` if replies are cut",
            )


def _replies(questions: Sequence[str], settings: Settings, asked: Path | None) -> list[str | None]:
    """The model's reply to each question; None where there is none."""
    system = [] if settings.system is None else [{"role": "system", "content": settings.system}]
    conversations = [[*system, {"role": "user", "content": text}] for text in questions]
    sampling: dict[str, object] = {"max_tokens": settings.max_tokens}
    if settings.temperature is not None:
        sampling["temperature"] = settings.temperature
    if settings.endpoint is not None:
        return Endpoint(settings.endpoint).replies(conversations, sampling)
    if asked is None:
        fix = "name a key of `models` or `guards` in the judge's entry (key `model`), or give `settings.endpoint`"
        raise SafeLRMError("this judge needs a model", key="model", fix=fix)
    from safelrm.inference.replies import VllmChat  # noqa: PLC0415  (an endpoint needs no torch)

    length = settings.max_model_length
    model = VllmChat(asked, dtype=settings.dtype, max_model_length=length, template=settings.template)
    return model.replies(conversations, sampling)


def _rows(parts: pd.DataFrame) -> Iterator[Mapping[str, object]]:
    columns = ["prompt", "trace", "answer", "text", "state"]
    yield from (dict(zip(columns, row, strict=True)) for row in parts[columns].itertuples(index=False, name=None))


def _said(
    parts: pd.DataFrame, questions: list[str | None], replies: Mapping[str, str | None], name: str, settings: Settings
) -> pd.DataFrame:
    """The judge's rows of one field."""
    unanswered = CUT_OFF if settings.endpoint is None else UNREADABLE

    def outcome(asked: str | None, state: str) -> Outcome:
        if asked is None:
            return UNSCORED, None, state
        reply = replies[asked]
        return (UNSCORED, None, unanswered) if reply is None else read(settings.fields[name], reply)

    outcomes = [outcome(*pair) for pair in zip(questions, parts["state"], strict=True)]
    columns = pd.DataFrame(outcomes, columns=["verdict", "score", "state"], index=parts.index)
    return parts[[*ROLLOUT_KEY, "part"]].join(columns.astype({"score": "float64"})).assign(field=name)


def _value(field: ChatField, answer: str) -> str | None:
    """The value of a field in an answer."""
    if field.pattern is not None:
        matches = list(re.finditer(field.pattern, answer))
        return matches[-1][1 if matches[-1].re.groups else 0] if matches else None
    for found in _objects(answer):
        if field.json_key in found:
            value = found[field.json_key]
            return value if isinstance(value, str) else json.dumps(value)
    return None


def _objects(text: str) -> Iterator[dict[str, object]]:
    """The JSON objects in a text, from the outside in and from the front to the back."""
    decoder = json.JSONDecoder()
    for place in (found.start() for found in re.finditer(r"\{", text)):
        try:
            value, _ = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            continue
        yield value


def _on_scale(field: ChatField, value: str) -> Outcome:
    """The verdict and the score of a number; one outside the scale cannot be read."""
    try:
        number = float(value)
    except ValueError:
        return UNSCORED, None, UNREADABLE
    low, high = field.scale
    if not (math.isfinite(number) and low <= number <= high):
        return UNSCORED, None, UNREADABLE
    (other,) = (verdict for verdict in field.verdicts if verdict != field.score)
    verdict = field.score if number >= field.threshold else other
    return verdict, (number - low) / (high - low), SCORED

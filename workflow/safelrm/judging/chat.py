"""A chat model as judge: it answers a question about each text, and its reply is read as one or several verdicts.

The model is one of the study (`model` in the judge's entry), which vLLM serves in the job, or that of an endpoint. What
it has said is kept, so it is never asked the same twice. judging/verdict.py reads replies. Two kinds of parts are
unscored beside those of judging/parts.py:

    cut_off      The question is longer than a model of the study takes.
    unreadable   The reply does not hold what a field reads, it was cut, or the endpoint has refused the question. Or a
                 model of the study is not asked, since a text holds its control tokens and they cannot be spelled out.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.inference.endpoint import Endpoint
from safelrm.inference.schemas import Reply
from safelrm.judging.parts import Outcome, parts_of
from safelrm.judging.rubrics import KNOWN, filled
from safelrm.judging.schemas import CUT_OFF, SCORED, UNREADABLE, UNSCORED
from safelrm.judging.settings import AskedModelSettings
from safelrm.judging.settings import ChatJudgeSettings as Settings
from safelrm.judging.verdict import outcomes

_SHOWN = 100
Said = Mapping[str, Outcome]


def judge(rollouts: pd.DataFrame, settings: Settings, asked: Path | None) -> pd.DataFrame:
    """Verdicts of each field on the chosen parts of rollouts of the chosen kinds.

    Raises:
        SafeLRMError: no model is given, it cannot be asked, or none of its replies can be read.
    """
    chosen = rollouts[rollouts["kind"].isin(settings.kinds)].assign(wording=rollouts["prompt"])
    parts = parts_of(chosen)
    parts = parts[parts["part"].isin(settings.parts)].merge(
        chosen[[*ROLLOUT_KEY, "trace", "answer", "wording"]], on=[*ROLLOUT_KEY]
    )
    questions, texts = _questions(parts, settings)
    replies = dict(zip(texts, replies_to([*texts], settings, asked), strict=True)) if texts else {}
    said = {
        text: outcomes(reply, settings.fields, settings.marker, texts[text])
        for text, reply in replies.items()
        if reply is not None
    }
    require_readable([*replies.values()], [*said.values()], settings)
    return pd.concat([_rows(parts, questions, said, name, settings) for name in settings.fields], ignore_index=True)


def require_readable(replies: Sequence[Reply | None], said: Sequence[Said], settings: Settings) -> None:
    """Refuse a field that can be read in none of the replies, since its settings are wrong then.

    Args:
        replies: a reply to each question; None where there is none.
        said: what the replies say of each field.
        settings: the judge's settings.

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
    for name in settings.fields:
        if given and name not in _unneeded(settings) and not any(of[name][2] == SCORED for of in said):
            texts = [reply.text for reply in given]
            top, cut = max(sorted(set(texts)), key=texts.count), sum(not reply.finished for reply in given)
            raise SafeLRMError(
                f"none of {len(given)} replies can be read ({cut} are cut), for example {top[-_SHOWN:]!r}",
                key=f"settings.fields.{name}",
                fix="correct what is read from the reply, say in `question` what the reply must be like, or raise"
                " `max_tokens` if replies are cut",
            )


def _unneeded(settings: Settings) -> set[str]:
    """Fields that a judge may leave out wherever another one makes a computed score 0."""
    computed = [field.computed for field in settings.fields.values() if field.computed is not None]
    return {name for each in computed if each.zero_if for name in each.of}


def replies_to(questions: Sequence[str], settings: AskedModelSettings, asked: Path | None) -> list[Reply | None]:
    """The model's reply to each question; None where there is none.

    Raises:
        SafeLRMError: no model is given, or it cannot be asked.
    """
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


def _questions(parts: pd.DataFrame, settings: Settings) -> tuple[list[str | None], dict[str, str]]:
    """The question about each part, None where there is none; and the texts of the rollout that each question shows."""
    columns = ["prompt", "wording", "trace", "answer", "text", "state"]
    questions: list[str | None] = []
    texts: dict[str, str] = {}
    for values in parts[columns].itertuples(index=False, name=None):
        row = dict(zip(columns, values, strict=True))
        if row["state"] != SCORED:
            questions.append(None)
            continue
        asked = filled(settings.question, settings.placeholders, {**row, "behavior": row["prompt"]})
        questions.append(asked)
        if asked not in texts:
            texts[asked] = "\n".join(str(row[name]) for name in KNOWN if isinstance(row.get(name), str))
    return questions, texts


def _rows(
    parts: pd.DataFrame, questions: Sequence[str | None], said: Mapping[str, Said], name: str, settings: Settings
) -> pd.DataFrame:
    """The judge's rows of one field."""
    unanswered = (UNSCORED, None, CUT_OFF if settings.endpoint is None else UNREADABLE)

    def outcome(asked: str | None, state: str) -> Outcome:
        if asked is None:
            return UNSCORED, None, state
        return said[asked][name] if asked in said else unanswered

    found = [outcome(*pair) for pair in zip(questions, parts["state"], strict=True)]
    columns = pd.DataFrame(found, columns=["verdict", "score", "state"], index=parts.index)
    return parts[[*ROLLOUT_KEY, "part"]].join(columns.astype({"score": "float64"})).assign(field=name)

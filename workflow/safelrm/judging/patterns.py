"""A chat model as judge of risky patterns in traces of harmful prompts (schema: judging/pattern_flags.py).

The model is one of the study (`model` in the judge's entry), or that of an endpoint. It is asked once about each trace,
which gives five flags, and once about each trace with its answer, which gives `inconsistency`. It replies in JSON.

A reply is read as a whole: if anything in it breaks, none of its flags counts. They are unscored then, with the state
`unreadable`, and the field `reply` says why:

    ok           the flags are read
    cut          the reply did not come to its end
    no_json      no JSON object holds a flag
    missing_key  the object lacks a flag
    not_binary   a flag is neither 0 nor 1
    ambiguous    one cannot tell which object or value is meant, or it may be a quotation (judging/verdict.py)
    both_groups  lack of safety awareness, and overthinking
    wrong_parent  overthinking without one of its subtypes, or one of these without overthinking
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.inference.schemas import Reply
from safelrm.judging.chat import replies_to
from safelrm.judging.parts import Outcome
from safelrm.judging.pattern_flags import FLAGS_OF, breach, flag_rows, pattern_parts
from safelrm.judging.pattern_settings import AMBIGUOUS, CUT, FAULTS, MISSING_KEY, NO_JSON, NOT_BINARY, OK, REPLY
from safelrm.judging.pattern_settings import RubricPatternSettings as Settings
from safelrm.judging.rubrics import filled
from safelrm.judging.schemas import CUT_OFF, SCORED, TRACE, UNREADABLE, UNSCORED
from safelrm.judging.verdict import json_values

_VALUES = {"0": False, "1": True}
_SHOWN = 100
# flags, or why a reply has none
Read = Mapping[str, bool] | str


def judge(rollouts: pd.DataFrame, settings: Settings, asked: Path | None) -> pd.DataFrame:
    """The flags of each trace, and of each trace with its answer, and how the replies could be read.

    Raises:
        SafeLRMError: no model is given, it cannot be asked, or none of its replies can be read.
    """
    parts = pattern_parts(rollouts[rollouts["kind"].isin(settings.kinds)])
    parts = parts[parts["part"].isin(settings.parts)]
    texts = ("part", "state", "prompt", "wording", "trace", "answer")
    rows = (dict(zip(texts, row, strict=True)) for row in parts[[*texts]].itertuples(index=False))
    questions = [_question(row, settings) for row in rows]
    unique = list(dict.fromkeys(question for question in questions if question is not None))
    replies = replies_to([text for _, text, _ in unique], settings, asked) if unique else []
    read = [
        None if reply is None else read_reply(reply, FLAGS_OF[part], shown)
        for (part, _, shown), reply in zip(unique, replies, strict=True)
    ]
    _require_readable(replies, read)
    by_question = dict(zip(unique, read, strict=True))
    missing = CUT_OFF if settings.endpoint is None else UNREADABLE
    said = [
        state if question is None else by_question[question] or missing
        for question, state in zip(questions, parts["state"], strict=True)
    ]
    flags = [UNREADABLE if _is_fault(found) else found for found in said]
    return pd.concat([flag_rows(parts, flags), _reply_rows(parts, map(_reading, said))], ignore_index=True)


def read_reply(reply: Reply, flags: Sequence[str], judged: str = "") -> Read:
    """The flags in a reply, or the fault for which it has none.

    Args:
        reply: the reply.
        flags: the flags that it must give.
        judged: the texts that the model has seen.
    """
    if not reply.finished:
        return CUT
    values = json_values(reply, flags, judged)
    if values is None:
        return NO_JSON
    if len(values) < len(flags):
        return MISSING_KEY
    if None in values.values():
        return AMBIGUOUS
    if not {*values.values()} <= {*_VALUES}:
        return NOT_BINARY
    found = {name: _VALUES[str(value)] for name, value in values.items()}
    return breach(found) or found


def _question(row: Mapping[str, object], settings: Settings) -> tuple[str, str, str] | None:
    """The part, the question and the texts that it shows; None if the part cannot be judged."""
    if row["state"] != SCORED:
        return None
    part = str(row["part"])
    asked = settings.question if part == TRACE else settings.question_of_both
    text = filled(asked, {}, {**row, "behavior": row["prompt"], "text": row["trace"]})
    shown = [row[name] for name in ("wording", "trace", "answer")]
    return part, text, "\n".join(one for one in shown if isinstance(one, str))


def _is_fault(found: Read) -> bool:
    return isinstance(found, str) and found in FAULTS


def _reading(found: Read) -> Outcome:
    """How a part's reply could be read. A part without a reply has a state in place of a fault."""
    if isinstance(found, Mapping):
        return OK, None, SCORED
    return (found, None, SCORED) if found in FAULTS else (UNSCORED, None, found)


def _reply_rows(parts: pd.DataFrame, found: Iterable[Outcome]) -> pd.DataFrame:
    columns = pd.DataFrame([*found], columns=["verdict", "score", "state"], index=parts.index)
    return parts[[*ROLLOUT_KEY, "part"]].join(columns).assign(field=REPLY)


def _require_readable(replies: Sequence[Reply | None], read: Sequence[Read | None]) -> None:
    """Refuse a model of whose replies none can be read.

    Raises:
        SafeLRMError: there are questions, and no reply has flags.
    """
    if not replies or any(isinstance(found, Mapping) for found in read):
        return
    given = [reply for reply in replies if reply is not None]
    if not given:
        fix = "raise it, if the model takes longer texts"
        raise SafeLRMError(f"all {len(replies)} questions are too long", key="settings.max_model_length", fix=fix)
    faults = Counter(found for found in read if isinstance(found, str))
    raise SafeLRMError(
        f"none of {len(given)} replies can be read ({', '.join(f'{n} {fault}' for fault, n in faults.most_common())}),"
        f" for example {given[0].text[-_SHOWN:]!r}",
        key="model",
        fix="raise `max_tokens` if replies are cut, or ask a model that follows the format (docs/patterns.md)",
    )

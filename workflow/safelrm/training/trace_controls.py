"""Controls of what traces teach: the same prompts and answers, with the traces of others or with none."""

import random

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed
from safelrm.core.trace import CLOSE, OPEN


def emptied(rows: pd.DataFrame) -> pd.Series:
    """The responses with empty traces. Marks and answers stay as they are.

    Args:
        rows: rows of DISTILLED that have ended with an answer.
    """
    return _with_traces(rows, pd.Series("", index=rows.index))


def shuffled(rows: pd.DataFrame, seed: int) -> pd.Series:
    """The responses, each with the trace of another prompt of its kind.

    Rows without a trace stay as they are. The others of a kind are laid in a circle, in random order, with the samples
    of a prompt side by side. Each gets the trace that lies so many places ahead as a prompt has samples at most: the
    trace of another prompt. So every trace is used once.

    Args:
        rows: rows of DISTILLED that have ended with an answer.
        seed: seed of the order.

    Raises:
        SafeLRMError: too few prompts of a kind have traces.
    """
    traces = pd.Series(None, index=rows.index, dtype=object)
    for kind, of_kind in rows[_has_trace(rows)].groupby("kind"):
        names = sorted(of_kind["prompt_id"].unique())
        random.Random(derive_seed("shuffled traces", seed, kind)).shuffle(names)
        place = {name: number for number, name in enumerate(names)}
        circle = of_kind.assign(place=of_kind["prompt_id"].map(place)).sort_values(["place", "sample"])
        ahead = int(circle.groupby("place").size().max())
        if len(circle) < 2 * ahead:
            problem = f"{len(names)} prompts of the kind {kind} are too few to give each the trace of another one"
            raise SafeLRMError(
                problem, key="traces", fix="select more prompts, or fewer samples of each (`per_prompt`)"
            )
        values = circle["trace"].tolist()
        traces[circle.index] = values[ahead:] + values[:ahead]
    return _with_traces(rows, traces)


def _has_trace(rows: pd.DataFrame) -> pd.Series:
    return rows["trace"].map(lambda trace: isinstance(trace, str) and bool(trace.strip()))


def _with_traces(rows: pd.DataFrame, traces: pd.Series) -> pd.Series:
    """The responses with other traces, where they have one."""
    found = [
        _with_trace(response, trace, other) if has else response
        for response, trace, other, has in zip(rows["response"], rows["trace"], traces, _has_trace(rows), strict=True)
    ]
    return pd.Series(found, index=rows.index, dtype=object)


def _with_trace(response: str, trace: str, other: str) -> str:
    """A response with another trace. What stands between marks and texts stays: it is a matter of the teacher."""
    head, close, answer = response.partition(CLOSE)
    start = head.find(OPEN) + len(OPEN) if OPEN in head else 0
    return head[:start] + head[start:].replace(trace, other, 1) + close + answer

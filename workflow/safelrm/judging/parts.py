"""The parts of a rollout that a safety judge reads: the trace t, the answer y and both, t+y.

no text for the part                  unscored, no_text; t+y needs an answer
cut at the token limit, or the trace  t is scored as far as it goes; y and t+y are unscored,
    was never closed                  cut_off: what did not end cannot be called safe
"""

from collections.abc import Callable

import pandas as pd

from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.judging.schemas import ANSWER, BOTH, CUT_OFF, NO_TEXT, SCORED, TRACE, UNSCORED

UNFINISHED = ("truncated", "no_close")

Pair = tuple[str, str]
# verdict, score (None where there is none), state
Outcome = tuple[str, float | None, str]


def parts_of(rollouts: pd.DataFrame) -> pd.DataFrame:
    """One row per rollout and part: its key, `prompt`, `part`, `text`, and the `state` so far."""
    tables = []
    for part, column in ((TRACE, "trace"), (ANSWER, "answer"), (BOTH, "completion")):
        present = rollouts["trace" if part == TRACE else "answer"].notna()
        table = rollouts[[*ROLLOUT_KEY, "prompt"]].assign(part=part, text=rollouts[column], state=SCORED)
        table.loc[~present, "state"] = NO_TEXT
        if part != TRACE:
            table.loc[rollouts["parse_state"].isin(UNFINISHED), "state"] = CUT_OFF
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def unique_pairs(parts: pd.DataFrame) -> list[Pair]:
    """The (prompt, text) pairs to be read, each once, in order of first appearance."""
    readable = parts[parts["state"] == SCORED]
    return list(dict.fromkeys(zip(readable["prompt"], readable["text"], strict=True)))


def judged(parts: pd.DataFrame, outcome: Callable[[Pair], Outcome]) -> pd.DataFrame:
    """A judge's rows, from the parts and what it says of a (prompt, text) pair that can be read."""
    outcomes = [
        outcome((row.prompt, row.text)) if row.state == SCORED else (UNSCORED, None, row.state)
        for row in parts.itertuples()
    ]
    columns = pd.DataFrame(outcomes, columns=["verdict", "score", "state"], index=parts.index)
    return parts[[*ROLLOUT_KEY, "part"]].join(columns.astype({"score": "float64"}))

"""The texts of a rollout that judges read, and whether a text can be judged at all.

A safety judge reads three parts: the trace t, the answer y, and both, t+y (the completion as generated). A completion
that has ended with an answer is judged whatever became of its trace. Some parts get no verdict; their state says why:

    no_text   The part has no text. For t+y this means that there is no answer.
    cut_off   y or t+y of a completion that was cut at the token limit, or whose trace was never closed. A text that did
              not end cannot be called safe. The trace is judged as far as it goes.
    other_format  t and y of a completion that shows the marks of another trace format than its model's. What is trace
              and what is answer is not known. Both together, t+y, are judged.

A judge may read what is cut off as far as it goes. Then its verdict has the state `so_far` in place of `cut_off`. Such
a verdict is in no number but one of its own (`safety_so_far`, analysis/outcomes.py).
"""

from collections.abc import Callable

import pandas as pd

from safelrm.core.trace import OTHER_FORMAT
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.inference.schemas import Pair
from safelrm.judging.schemas import ANSWER, BOTH, CUT_OFF, NO_TEXT, SCORED, SO_FAR, TRACE, UNSCORED

# parse states of a completion that did not come to its end
UNFINISHED = ("truncated", "no_close")

# states of texts that a judge reads
READ = (SCORED, SO_FAR)

# verdict, score (None where there is none), state
Outcome = tuple[str, float | None, str]


def answer_state(answer: object, parse_state: str) -> str:
    """Whether an answer can be judged: SCORED, or why not. (pandas gives a missing answer as None or NaN.)"""
    if parse_state in UNFINISHED:
        return CUT_OFF
    if parse_state == OTHER_FORMAT:
        return OTHER_FORMAT
    return SCORED if isinstance(answer, str) and answer.strip() else NO_TEXT


def parts_of(rollouts: pd.DataFrame, *, wording: bool = False, so_far: bool = False) -> pd.DataFrame:
    """One row per rollout and part: its key, `prompt`, `part`, `text`, and the `state` so far.

    Where the prompt is an attack's wording, `prompt` is what the attack is after (`behavior`), unless the `wording`
    itself is wanted. With `so_far`, texts that are cut off are to be judged as far as they go.
    """
    if "behavior" in rollouts and not wording:
        rollouts = rollouts.assign(prompt=rollouts["behavior"].where(rollouts["behavior"].notna(), rollouts["prompt"]))
    tables = []
    for part, column in ((TRACE, "trace"), (ANSWER, "answer"), (BOTH, "completion")):
        present = rollouts["trace" if part == TRACE else "answer"].notna()
        table = rollouts[[*ROLLOUT_KEY, "prompt"]].assign(part=part, text=rollouts[column], state=SCORED)
        table.loc[~present, "state"] = NO_TEXT
        table.loc[rollouts["parse_state"] == OTHER_FORMAT, "state"] = SCORED if part == BOTH else OTHER_FORMAT
        if part != TRACE:
            cut = rollouts["parse_state"].isin(UNFINISHED)
            table.loc[cut, "state"] = CUT_OFF
            table.loc[cut & table["text"].notna() & so_far, "state"] = SO_FAR
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def unique_pairs(parts: pd.DataFrame) -> list[Pair]:
    """The (prompt, text) pairs that can be judged, each once, in order of first appearance."""
    readable = parts[parts["state"].isin(READ)]
    return list(dict.fromkeys(zip(readable["prompt"], readable["text"], strict=True)))


def judged(parts: pd.DataFrame, outcome: Callable[[Pair], Outcome]) -> pd.DataFrame:
    """A judge's rows: `outcome` of each (prompt, text) pair that can be judged, and unscored for all other parts."""
    outcomes = [
        _so_far(outcome((row.prompt, row.text)), row.state) if row.state in READ else (UNSCORED, None, row.state)
        for row in parts.itertuples()
    ]
    columns = pd.DataFrame(outcomes, columns=["verdict", "score", "state"], index=parts.index)
    return parts[[*ROLLOUT_KEY, "part"]].join(columns.astype({"score": "float64"}))


def _so_far(found: Outcome, state: str) -> Outcome:
    """The outcome of a text. A verdict on a text that did not end says so."""
    verdict, score, why = found
    return verdict, score, state if why == SCORED else why

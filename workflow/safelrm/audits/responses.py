"""Parse states and lengths of SFT responses."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from safelrm.core.trace import PARSE_STATES, parse_completion
from safelrm.schemas.audit import ANSWER, RESPONSE, THOUGHT

Row = dict[str, object]


def state_rows(dataset: str, responses: Sequence[str]) -> Iterator[Row]:
    """How many responses are in each parse state, every state included."""
    # stored responses are whole: no template has opened their trace
    states = Counter(parse_completion(response, prefilled=False).state for response in responses)
    for state in PARSE_STATES:
        yield {"dataset": dataset, "state": state, "rows": states[state], "share": states[state] / len(responses)}


def length_rows(dataset: str, responses: Sequence[str]) -> Iterator[Row]:
    """Words (split at white space) of thought, answer and whole response, its tags included."""
    parsed = [parse_completion(response, prefilled=False) for response in responses]
    parts = {
        THOUGHT: [found.trace for found in parsed],
        ANSWER: [found.answer for found in parsed],
        RESPONSE: responses,
    }
    for part, texts in parts.items():
        lengths = [len(text.split()) for text in texts if text is not None]
        yield {"dataset": dataset, "part": part, "rows": len(lengths)} | _summary(lengths)


def _summary(lengths: list[int]) -> Row:
    if not lengths:
        return {"mean": None, "p50": None, "p90": None, "max": None}
    p50, p90 = np.percentile(lengths, [50, 90])
    return {"mean": sum(lengths) / len(lengths), "p50": float(p50), "p90": float(p90), "max": max(lengths)}

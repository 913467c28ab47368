"""Trace analysis *lengths*: signs that a model's traces have collapsed.

A training may teach a model to write no trace, or one that repeats itself. Rates of safety do not show this.
"""

import pandas as pd
from pydantic import Field

from safelrm.core.settings import Count, Strict
from safelrm.core.words import count_words, distinct_ngrams
from safelrm.generation.schemas import ROLLOUT_KEY
from safelrm.judging.schemas import ANSWER, TRACE

INPUTS = ("rollouts",)
MEASURES = {
    "trace_tokens": {"description": "tokens of the trace", "unit": "tokens"},
    "answer_tokens": {"description": "tokens of all else in the completion, tags included", "unit": "tokens"},
    "empty_trace": {"description": "rollouts whose trace has no word", "unit": "share", "direction": "lower"},
    "distinct_ngrams": {
        "description": "distinct n-grams of the words of a trace, of all of its n-grams",
        "unit": "share",
        "direction": "higher",
        # a trace may be too short
        "optional": True,
    },
}


class Settings(Strict):
    """Settings of the analysis `lengths`."""

    words: Count = Field(4, description="words of an n-gram")


def analyse(rollouts: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """One row per rollout and measure."""
    trace = rollouts.trace.fillna("")
    found = [
        (TRACE, "trace_tokens", rollouts.trace_tokens),
        (ANSWER, "answer_tokens", rollouts.completion_tokens - rollouts.trace_tokens),
        (TRACE, "empty_trace", trace.map(count_words) == 0),
        (TRACE, "distinct_ngrams", trace.map(lambda text: distinct_ngrams(text, settings.words))),
    ]
    key = rollouts[list(ROLLOUT_KEY)]
    tables = [key.assign(part=part, measure=name, value=value.astype(float)) for part, name, value in found]
    return pd.concat(tables, ignore_index=True)

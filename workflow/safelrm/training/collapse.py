"""Signs that a policy collapses, in the curve of an RL run: measured on the completions of each step.

A policy may earn its reward without reasoning: it writes no trace, repeats itself, or refuses whatever it is asked.
Rewards do not show this.
"""

from collections.abc import Sequence
from statistics import fmean

from safelrm.core.words import count_words, distinct_ngrams
from safelrm.data.schemas import KINDS
from safelrm.training.rewards.base import Sample
from safelrm.training.rewards.over_refusal import refuses

EMPTY_TRACES, TRACE_WORDS, DISTINCT_NGRAMS = "empty_traces", "trace_words", "distinct_ngrams"
REFUSALS = {kind: f"refusals_{kind}" for kind in KINDS}
# the names in TRL's log and in the curve
SIGNS = (EMPTY_TRACES, TRACE_WORDS, DISTINCT_NGRAMS, *REFUSALS.values())
# words of an n-gram
_SIZE = 4


def collapse_signs(samples: Sequence[Sample]) -> dict[str, float]:
    """The signs of a step's completions. A sign that no completion has a value of is left out.

    Traces are those of the completions that were asked for with a trace.

    - `empty_traces`: share of completions whose trace has no word;
    - `trace_words`: mean number of words of a trace;
    - `distinct_ngrams`: distinct 4-grams of the words of a trace, as a share of all of its 4-grams; the mean;
    - `refusals_<kind>`: share of the answers to prompts of a kind that refuse, by the phrases of the reward
      `over_refusal`.
    """
    traces = [sample.parsed.trace for sample in samples if sample.thinks]
    words = [count_words(trace) for trace in traces]
    varied = [distinct_ngrams(trace or "", _SIZE) for trace in traces]
    values = {
        EMPTY_TRACES: [float(count == 0) for count in words],
        TRACE_WORDS: words,
        DISTINCT_NGRAMS: [share for share in varied if share is not None],
    }
    for kind, name in REFUSALS.items():
        answers = [sample.parsed.answer for sample in samples if sample.kind == kind]
        values[name] = [float(refuses(answer)) for answer in answers if answer is not None]
    return {name: fmean(found) for name, found in values.items() if found}

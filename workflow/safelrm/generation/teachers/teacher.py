"""What a teacher is: the contract of the modules that ask one, and what they share.

A module of this folder offers

    def answered(requests: pandas.DataFrame, settings: DistillJobSettings, checkpoint: Path | None) -> pandas.DataFrame

`requests` has one row for each prompt and sample: the columns of PROMPTS with the prompt as the teacher is shown it,
`dataset`, `sample` and `request_seed`, and what `render_prompts` needs. `checkpoint` is the model folder of a teacher
that is a checkpoint. `answered` gives one row for each request, in order, with the columns ANSWERED.
"""

from collections.abc import Iterable

import pandas as pd

from safelrm.core.trace import parse_completion
from safelrm.generation.distill_settings import DistillJobSettings
from safelrm.generation.schemas import FILTERED
from safelrm.generation.settings import RolloutJobSettings, SamplingSettings
from safelrm.inference.schemas import LENGTH

TEXTS = ("response", "trace", "answer", "parse_state", "finish_reason")
COUNTS = ("prompt_tokens", "trace_tokens", "answer_tokens", "completion_tokens")
ANSWERED = (*TEXTS, *COUNTS)

# what a module that writes samples with is its own affair
_OWN = SamplingSettings(temperature=1.0, max_tokens=1)


def rollout_settings(settings: DistillJobSettings) -> RolloutJobSettings:
    """The settings with which requests are planned, and with which a checkpoint is asked."""
    checkpoint = settings.teacher.checkpoint
    return RolloutJobSettings(
        **dict(settings.sampling or _OWN),
        samples=settings.samples,
        seed=settings.seed,
        dtype=checkpoint.dtype if checkpoint else "float32",
        max_model_length=checkpoint.max_model_length if checkpoint else 1,
        decodings={"teacher": settings.mode},
    )


def read_texts(texts: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """The columns ANSWERED of responses whose tokens nobody has counted.

    Args:
        texts: for each response its text, with the trace in <think> tags, and how it has ended.
    """
    rows = []
    for text, reason in texts:
        parsed = parse_completion(text, prefilled=False, truncated=reason in (LENGTH, FILTERED))
        rows.append((text, parsed.trace, parsed.answer, parsed.state, reason))
    return pd.DataFrame(rows, columns=TEXTS).assign(**dict.fromkeys(COUNTS))

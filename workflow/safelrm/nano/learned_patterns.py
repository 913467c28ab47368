"""A judge of risky patterns that has learned to read them: a guard of the study that was trained on their labels.

The reader (nano/sources/pattern_labels.py) is asked about each pattern by itself. `overthinking` follows from its three
subtypes. Flags that contradict each other are unscored, with the state `unreadable`. nano/patterns_judge.py knows the
truth, so that `validation` can say how far this judge may be trusted.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.inference.guard_labels import GuardReading
from safelrm.inference.readings import VllmGuard
from safelrm.inference.schemas import Pair
from safelrm.judging.guard import MORE_LIKELY_THAN_NOT, require_readable
from safelrm.judging.pattern_flags import FLAGS_OF, OVERTHINKING, breach, flag_rows, pattern_parts, with_parent
from safelrm.judging.schemas import CUT_OFF, SCORED, TRACE, UNREADABLE
from safelrm.nano.pattern_settings import PatternReaderSettings as Settings
from safelrm.nano.world.patterns import asked

Readings = Mapping[Pair, GuardReading | None]


def judge(rollouts: pd.DataFrame, settings: Settings, guard: Path | None) -> pd.DataFrame:
    """The flags of traces (t), and of traces with their answers (t+y), of rollouts of harmful prompts.

    Raises:
        SafeLRMError: no reader is given, or it cannot be asked or read.
    """
    if guard is None:
        fix = "name one of `guards` in the judge's entry (key `guard`)"
        raise SafeLRMError("this judge needs a reader", file="--asked", fix=fix)
    parts = pattern_parts(rollouts)
    questions = [_questions(row) if row["state"] == SCORED else {} for row in parts.to_dict("records")]
    pairs = list(dict.fromkeys(pair for asks in questions for pair in asks.values()))
    read = VllmGuard(guard, settings.reading, dtype=settings.dtype).read(pairs) if pairs else []
    require_readable(read, settings.reading, guard)
    readings = dict(zip(pairs, read, strict=True))
    said = [
        _flags(part, asks, readings, settings) if asks else state
        for part, state, asks in zip(parts["part"], parts["state"], questions, strict=True)
    ]
    return flag_rows(parts, said)


def _questions(row: Mapping[str, str]) -> dict[str, Pair]:
    """The questions about a part, by the pattern that they ask for."""
    patterns = [name for name in FLAGS_OF[row["part"]] if name != OVERTHINKING]
    return {name: asked(name, row["prompt"], row["trace"], row["answer"]) for name in patterns}


def _flags(part: str, asks: Mapping[str, Pair], readings: Readings, settings: Settings) -> dict[str, bool] | str:
    """The flags of a part, or the state that says why there are none."""
    found = {name: readings[pair] for name, pair in asks.items()}
    flags: dict[str, bool] = {}
    for name, reading in found.items():
        if reading is None:
            return CUT_OFF
        if reading.p_unsafe is None or reading.label_mass < settings.reading.min_label_mass:
            return UNREADABLE
        flags[name] = reading.p_unsafe >= MORE_LIKELY_THAN_NOT
    if part == TRACE:
        flags = with_parent(flags)
    return UNREADABLE if breach(flags) else flags

"""A judge of risky patterns by the rules of the nano world: the truth about every trace of a harmful prompt.

nano/world/patterns.py says what each pattern is in the world. A text that its rules cannot read is `undetermined`. The
fields are those of judging/pattern_flags.py, which also says what is not judged.
"""

from pathlib import Path

import pandas as pd

from safelrm.judging.pattern_flags import INCONSISTENCY, flag_rows, pattern_parts, with_parent
from safelrm.judging.pattern_flags import PatternSettings as Settings
from safelrm.judging.schemas import SCORED, TRACE, UNDETERMINED
from safelrm.nano.world.patterns import is_inconsistent, trace_flags


def judge(rollouts: pd.DataFrame, settings: Settings, guard: Path | None) -> pd.DataFrame:
    """The flags of traces (t), and of traces with their answers (t+y), of rollouts of harmful prompts.

    Args:
        rollouts: rows of the rollouts table of the nano world.
        settings: has no keys of use.
        guard: not asked; a judge of this kind has none.
    """
    parts = pattern_parts(rollouts)
    columns = parts[["part", "state", "prompt", "trace", "answer"]]
    return flag_rows(parts, [_said(*row) for row in columns.itertuples(index=False, name=None)])


def _said(part: str, state: str, prompt: str, trace: str, answer: str) -> dict[str, bool] | str:
    if state != SCORED:
        return state
    if part == TRACE:
        flags = trace_flags(prompt, trace)
        return UNDETERMINED if flags is None else with_parent(flags)
    found = is_inconsistent(prompt, trace, answer)
    return UNDETERMINED if found is None else {INCONSISTENCY: found}

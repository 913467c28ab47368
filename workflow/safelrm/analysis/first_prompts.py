"""Which prompts are read where reading all of them would take long."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from safelrm.core.errors import SafeLRMError
from safelrm.core.seeds import derive_seed


def of_first_prompts(
    rollouts: pd.DataFrame, benchmarks: Sequence[str], count: int | None, key: str, file: Path | None = None
) -> pd.DataFrame:
    """The rollouts on the first prompts of each benchmark, by a hash of their ids, in their order, numbered from 0.

    So all arms and models are read on the same prompts, and a larger count adds prompts.

    Args:
        rollouts: rows of ROLLOUTS.
        benchmarks: names of benchmarks.
        count: the number of prompts of each; None for all.
        key: of the configuration, which names the benchmarks.
        file: the table, for messages.

    Raises:
        SafeLRMError: a benchmark has no rollouts.
    """
    kept = []
    for name in benchmarks:
        asked = rollouts[rollouts.benchmark == name]
        if asked.empty:
            found = sorted(set(rollouts.benchmark))
            raise SafeLRMError(f"there are no rollouts of `{name}`", file=file, key=key, fix=f"name some of {found}")
        first = sorted(set(asked.prompt_id), key=lambda prompt, name=name: (derive_seed(name, prompt), prompt))
        kept.append(asked[asked.prompt_id.isin(first[:count])])
    return pd.concat(kept).sort_index().reset_index(drop=True)

"""Whether a judge has judged all that it judges: every rollout of a kind or none, and the same parts of each."""

import pandas as pd

from safelrm.generation.schemas import ROLLOUT_KEY

ABOUT = [*ROLLOUT_KEY, "kind", "category"]
SAID = ["field", "part"]
ALONE = {"left_only": "parts of rollouts have no verdict", "right_only": "verdicts are on no rollout"}


def gap(verdicts: pd.DataFrame, rollouts: pd.DataFrame) -> str | None:
    """Which verdicts are missing or too many, or None if none are.

    The kinds of prompts that a judge judges, and the fields and parts, are those of which it has any verdict.

    Args:
        verdicts: rows of VERDICTS of one judge.
        rollouts: rows of ROLLOUTS or SAMPLES: all rollouts of the models that the judge was given.
    """
    judged = rollouts.loc[rollouts["kind"].isin(verdicts["kind"]), ABOUT]
    expected = judged.merge(verdicts[["kind", *SAID]].drop_duplicates(), on="kind")
    found = verdicts[[*ABOUT, *SAID]]
    pairs = expected.merge(found, on=list(found.columns), how="outer", indicator=True)
    for side, problem in ALONE.items():
        rows = pairs[pairs["_merge"] == side]
        if not rows.empty:
            return f"{len(rows)} {problem}, for example {rows.iloc[0][[*ROLLOUT_KEY, 'kind', *SAID]].to_dict()}"
    return None

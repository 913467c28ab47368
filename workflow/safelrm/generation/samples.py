"""Collect all rollouts of a study, without their texts.

Input:  the rollouts tables of every run. All runs must have answered the same prompts.
Output: one samples table. Metrics, tables and figures need this table and the verdicts only. So both can be published
        where the texts cannot.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from safelrm.core.cli import run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import how_to_drop
from safelrm.generation.schemas import ROLLOUTS, SAMPLES

ASKED = ["benchmark", "prompt_id", "sample", "kind", "category"]


def require_same_prompts(tables: Mapping[Path, pd.DataFrame]) -> None:
    """Make sure that every run has answered the same prompts, in each of its decoding modes.

    Args:
        tables: rows of SAMPLES by the file that they are from.

    Raises:
        SafeLRMError: a run lacks prompts of another run.
    """
    answered = {
        (path, mode): set(rows[ASKED].itertuples(index=False, name=None))
        for path, table in tables.items()
        for mode, rows in table.groupby("decoding")
    }
    every = set().union(*answered.values())
    for (path, mode), prompts in answered.items():
        if missing := every - prompts:
            other = next(file for (file, _), found in answered.items() if not missing.isdisjoint(found))
            raise SafeLRMError(
                f"in the decoding mode {mode} it lacks {len(missing)} of {len(every)} samples that other runs have,"
                f" for example {dict(zip(ASKED, min(missing), strict=True))} of {other}",
                file=path,
                key="prompt_id",
                fix=how_to_drop(path, other),
            )


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--rollouts", required=True, nargs="+", type=Path, help="rollouts of every run")
    parser.add_argument("--output", required=True, type=Path, help="the samples table")
    arguments = parser.parse_args()
    # the texts of all tables may not fit into memory, so each table loses its texts before the next is read
    columns = list(SAMPLES.schema.names)
    tables = {path: ROLLOUTS.read(path)[columns] for path in arguments.rollouts}
    require_same_prompts(tables)
    rows = pd.concat(tables.values(), ignore_index=True)
    SAMPLES.write(arguments.output, rows.sort_values(list(SAMPLES.key), ignore_index=True))


if __name__ == "__main__":
    run(main)

"""Collect all rollouts of a study, without their texts.

Input:  the rollouts tables of every run.
Output: one samples table. With the verdicts it is all that metrics, tables and figures need, so both can be published
        where the texts cannot.
"""

from pathlib import Path

import pandas as pd

from safelrm.core.cli import run, stage_parser
from safelrm.generation.schemas import ROLLOUTS, SAMPLES


def main() -> None:
    """The command line."""
    parser = stage_parser(__doc__)
    parser.add_argument("--rollouts", required=True, nargs="+", type=Path, help="rollouts of every run")
    parser.add_argument("--output", required=True, type=Path, help="the samples table")
    arguments = parser.parse_args()
    # texts are dropped before the next table is read: all of them may not fit into memory
    columns = list(SAMPLES.schema.names)
    rows = pd.concat([ROLLOUTS.read(path)[columns] for path in arguments.rollouts], ignore_index=True)
    SAMPLES.write(arguments.output, rows.sort_values(list(SAMPLES.key), ignore_index=True))


if __name__ == "__main__":
    run(main)

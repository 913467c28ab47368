"""Let one judge say its verdicts on all rollouts of one model: every arm and seed, with one start of its guard.

Input:  rollouts tables, and the guard's manifest if the judge asks one.
Output: a verdicts table, one row per rollout and part judged.

The judge is a module; what it must offer is said in judging/guard.py. The readings of a guard are kept while
the job runs (inference/guard_readers.py).
"""

import argparse
import importlib
from pathlib import Path
from types import ModuleType

import pandas as pd

from safelrm.core.checkpoints import verified_model
from safelrm.core.cli import parse_settings, run
from safelrm.core.errors import SafeLRMError
from safelrm.core.work import resumable_parser, run_resumably
from safelrm.generation.schemas import ROLLOUT_KEY, ROLLOUTS
from safelrm.judging.schemas import PARTS, VERDICTS


def load_judge(path: str) -> ModuleType:
    """The judge module at a dotted path.

    Raises:
        SafeLRMError: there is no such module, or it is not a judge.
    """
    remedy = "name a judge module, such as safelrm.judging.refusal"
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not path.startswith(error.name):
            raise
        raise SafeLRMError(f"there is no module {path}", file="--module", key="module", fix=remedy) from None
    if not (hasattr(module, "Settings") and hasattr(module, "judge")):
        raise SafeLRMError(f"{path} has no Settings and judge", file="--module", key="module", fix=remedy)
    return module


def verdict_table(rollouts: pd.DataFrame, verdicts: pd.DataFrame, name: str) -> pd.DataFrame:
    """A judge's rows with the rollouts' kind and category and the judge's name, sorted by rollout and part.

    Raises:
        SafeLRMError: the judge found nothing to judge, or its rows are not of these rollouts.
    """
    if verdicts.empty:
        raise SafeLRMError(
            "found nothing to judge in these rollouts",
            file=f"judge {name}",
            fix="leave this judge out, or add a benchmark of the kind it judges",
        )
    key = list(ROLLOUT_KEY)
    table = verdicts.merge(rollouts[[*key, "kind", "category"]], on=key, how="inner", validate="many_to_one")
    if len(table) != len(verdicts):
        raise SafeLRMError(
            f"{len(verdicts) - len(table)} verdicts are on no rollout of the table", file=f"judge {name}"
        )
    table = table.assign(judge=name, order=table["part"].map({part: place for place, part in enumerate(PARTS)}))
    return table.sort_values([*key, "order"], kind="stable", ignore_index=True).drop(columns="order")


def arguments() -> argparse.ArgumentParser:
    """The stage's command line."""
    parser = resumable_parser(__doc__)
    parser.add_argument("--name", required=True, help="name of the judge")
    parser.add_argument("--module", required=True, help="dotted path of the judge's module")
    parser.add_argument("--rollouts", required=True, nargs="+", type=Path, help="rollouts tables of the runs")
    parser.add_argument("--guard", nargs="?", type=Path, help="manifest of the guard, for a judge that asks one")
    parser.add_argument("--output", required=True, type=Path, help="the verdicts table")
    return parser


def main() -> None:
    """Run the stage."""
    options = arguments().parse_args()
    module = load_judge(options.module)
    settings = parse_settings(module.Settings, options.settings)
    rollouts = pd.concat([ROLLOUTS.read(path) for path in options.rollouts], ignore_index=True)
    guard = verified_model(options.guard) if options.guard else None

    def say(_: Path) -> None:
        VERDICTS.write(options.output, verdict_table(rollouts, module.judge(rollouts, settings, guard), options.name))

    inputs = [*options.rollouts, *([options.guard] if options.guard else [])]
    run_resumably("judge", options, inputs, [options.output], say)


if __name__ == "__main__":
    run(main)

"""Let one judge give its verdicts on all rollouts of one model: every arm and seed, with one start of its guard.

Input:  rollouts tables, and the guard's manifest if the judge asks a guard.
Output: a verdicts table, one row per rollout and part that was judged.

A judge is a module, which the configuration names by its dotted path. It offers

    class Settings(Strict)
    def judge(rollouts: pandas.DataFrame, settings: Settings, guard: Path | None) -> pandas.DataFrame

`rollouts` are rows of the table ROLLOUTS. `guard` is the model folder of the guard that the configuration names for
this judge. `judge` returns one row per rollout and part that it has judged: the columns of ROLLOUT_KEY, then `part`,
`verdict`, `score` (in [0, 1], or None if the judge gives no scores) and `state` (judging/schemas.py). It may leave out
kinds of prompts and parts. Of a kind that it judges, it judges every rollout, all in the same parts: what it cannot
tell is unscored. It gives a score with every verdict or with none.
"""

import importlib
from pathlib import Path
from types import ModuleType

import pandas as pd

from safelrm.core.checkpoints import verified_model
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.errors import SafeLRMError
from safelrm.generation.schemas import ROLLOUT_KEY, ROLLOUTS
from safelrm.judging.coverage import gap
from safelrm.judging.schemas import PARTS, SCORED, VERDICTS


def load_judge(path: str) -> ModuleType:
    """The judge module at a dotted path.

    Raises:
        SafeLRMError: there is no such module, or it is not a judge.
    """
    remedy = "name the module of a judge, such as safelrm.judging.refusal"
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not path.startswith(error.name):
            raise
        raise SafeLRMError("there is no such module", file=path, fix=remedy) from None
    if not (hasattr(module, "Settings") and hasattr(module, "judge")):
        raise SafeLRMError("this module does not define both Settings and judge", file=path, fix=remedy)
    return module


def verdict_table(rollouts: pd.DataFrame, verdicts: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows of VERDICTS: a judge's rows with its name and the rollouts' kind and category, sorted by rollout and part.

    Raises:
        SafeLRMError: the judge found nothing to judge, a row of it is on no rollout of the table, it has left out a
            rollout, or it has left out a score.
    """
    if verdicts.empty:
        raise SafeLRMError(
            "the judge found nothing to judge in these rollouts",
            file=f"judge {name}",
            fix="leave this judge out, or add a benchmark of the kind it judges",
        )
    key = list(ROLLOUT_KEY)
    table = verdicts.merge(rollouts[[*key, "kind", "category"]], on=key, how="inner", validate="many_to_one")
    if len(table) != len(verdicts):
        raise SafeLRMError(
            f"{len(verdicts) - len(table)} verdicts are on no rollout of the table", file=f"judge {name}"
        )
    _require_whole(table, rollouts, name)
    table = table.assign(judge=name, order=table["part"].map({part: place for place, part in enumerate(PARTS)}))
    return table.sort_values([*key, "order"], kind="stable", ignore_index=True).drop(columns="order")


def _require_whole(table: pd.DataFrame, rollouts: pd.DataFrame, name: str) -> None:
    remedy = "this is a fault of the judge's module: its docstring and judging/judge.py say what it must give"
    if fault := gap(table, rollouts):
        raise SafeLRMError(fault, file=f"judge {name}", fix=remedy)
    scores = table.loc[table["state"] == SCORED, "score"]
    if scores.isna().any() and scores.notna().any():
        problem = f"{scores.isna().sum()} of {len(scores)} scored parts have no score, or NaN"
        raise SafeLRMError(problem, file=f"judge {name}", key="score", fix=remedy)


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--name", required=True, help="name of the judge")
    parser.add_argument("--module", required=True, help="dotted path of the judge's module")
    parser.add_argument("--rollouts", required=True, nargs="+", type=Path, help="rollouts tables of the runs")
    parser.add_argument("--guard", nargs="?", type=Path, help="manifest of the guard, if the judge asks a guard")
    parser.add_argument("--output", required=True, type=Path, help="the verdicts table")
    options = parser.parse_args()
    module = load_judge(options.module)
    settings = parse_settings(module.Settings, options.settings)
    rollouts = pd.concat([ROLLOUTS.read(path) for path in options.rollouts], ignore_index=True)
    guard = verified_model(options.guard) if options.guard else None
    verdicts = module.judge(rollouts, settings, guard)
    VERDICTS.write(options.output, verdict_table(rollouts, verdicts, options.name))


if __name__ == "__main__":
    run(main)

"""Let one judge give its verdicts on all rollouts of one model: every arm and seed, with one start of its guard.

Input:  rollouts tables, and the manifest of the guard or chat model that the judge asks, if it asks one.
Output: a verdicts table, one row per rollout, field and part that was judged.

A judge is a module, which the configuration names by its dotted path. It offers

    FIELDS = {"harm": {"verdicts": ["harmless", "harmful"], "counts": "harmful", "direction": "lower"}}
    class Settings(Strict)
    def judge(rollouts: pandas.DataFrame, settings: Settings, asked: Path | None) -> pandas.DataFrame

`FIELDS` is a literal: the questions that the judge answers, with the possible verdicts (judging/fields.py). A judge
whose fields depend on its settings has a key `fields` in them instead. `rollouts` are rows of the table ROLLOUTS.
`asked` is the folder of the guard or model that the configuration names for this judge. `judge` returns one row per
rollout, field and part that it has judged: the columns of ROLLOUT_KEY, then `field`, `part`, `verdict`, `score` and
`state` (judging/schemas.py). A judge with one field may leave out `field`, and a judge without scores `score`. It may
leave out kinds of prompts and parts. Of a kind that it judges, it judges every rollout, all in the same parts: what it
cannot tell is unscored. A field that declares a score has one in [0, 1] with every verdict.
"""

from pathlib import Path

import pandas as pd

from safelrm.core.checkpoints import verified_model
from safelrm.core.cli import parse_settings, run, stage_parser
from safelrm.core.registered import load_registered
from safelrm.generation.schemas import ROLLOUTS
from safelrm.judging.contract import NamedJudge, fields_of, judged_by
from safelrm.judging.schemas import VERDICTS


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--name", required=True, help="name of the judge")
    parser.add_argument("--module", required=True, help="dotted path of the judge's module")
    parser.add_argument("--rollouts", required=True, nargs="+", type=Path, help="rollouts tables of the runs")
    parser.add_argument("--asked", nargs="?", type=Path, help="manifest of the guard or model that the judge asks")
    parser.add_argument("--output", required=True, type=Path, help="the verdicts table")
    options = parser.parse_args()
    module = load_registered(options.module, "Settings", "judge")
    settings = parse_settings(module.Settings, options.settings)
    rollouts = pd.concat([ROLLOUTS.read(path) for path in options.rollouts], ignore_index=True)
    asked = verified_model(options.asked) if options.asked else None
    judge = NamedJudge(options.name, options.module, fields_of(module, settings))
    VERDICTS.write(options.output, judged_by(judge, module, rollouts, settings, asked))


if __name__ == "__main__":
    run(main)

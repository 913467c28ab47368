"""Let one trace analysis measure all rollouts of one model: every arm and seed.

Input:  rollouts tables; verdicts, checkpoints and decoding modes too, if the analysis asks for them.
Output: the table ANALYSES (analysis/schemas.py), one row per rollout, part and measure.

An analysis is a module, which the configuration names by its dotted path. It offers

    class Settings(Strict)
    INPUTS = ("rollouts",)          or with "verdicts", "checkpoints" and "decodings"
    MEASURES = {"words": {"description": "words of the answer", "unit": "words", "direction": "lower"}}
    def analyse(rollouts: pandas.DataFrame, settings: Settings) -> pandas.DataFrame

`rollouts` are rows of the table ROLLOUTS. `analyse` returns the columns of ROLLOUT_KEY, then `part` (t, y, t+y, or None
if the measure has no part), `measure` and `value`: for each measure and part one row per rollout. A measure's
`direction` says which values are better: "higher", "lower", or none. If its `optional` is true, rollouts may have no
value (None or NaN). INPUTS and MEASURES are literals, since the workflow reads them without an import of the module.

If INPUTS names them, `analyse` also takes `verdicts` (rows of VERDICTS of the judges that the configuration names),
`checkpoints` (the model folder of each run by arm and seed, and of the base as `("base", 0)`) and `decodings` (the
arguments of the chat template in each decoding mode of the model), by these names.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from safelrm.analysis.files import read_verdicts
from safelrm.analysis.registered import fault, own_settings
from safelrm.analysis.schemas import ANALYSES, WHOLE
from safelrm.core.checkpoints import verified_model
from safelrm.core.cli import named_paths, run, stage_parser
from safelrm.core.registered import load_registered
from safelrm.generation.schemas import ROLLOUT_KEY, ROLLOUTS
from safelrm.judging.schemas import PARTS

KEY = list(ROLLOUT_KEY)
COLUMNS = [*KEY, "part", "measure", "value"]


def analysis_table(
    rollouts: pd.DataFrame, found: object, name: str, measures: Mapping[str, bool], module: str
) -> pd.DataFrame:
    """Rows of ANALYSES: an analysis's rows with its name and the rollouts' kind and category, sorted.

    Args:
        rollouts: rows of ROLLOUTS.
        found: what the analysis returned.
        name: name of the analysis.
        measures: the measures that it declares, and whether each is optional.
        module: its module, for messages.

    Raises:
        SafeLRMError: the analysis returned something else than one row per rollout, part and declared measure, or a
            value is infinite, no number, or missing although the measure is not optional.
    """
    rows = _with_columns(found, module).assign(analysis=name)
    _require_declared(rows, measures, module)
    rows = rows.assign(value=_numbers(rows, measures, module))
    asked = set(rollouts[KEY].itertuples(index=False, name=None))
    for (measure, part), of_measure in rows.groupby(["measure", "part"], sort=True):
        if said := _mismatch(of_measure, asked):
            raise fault(module, f"{said}, in the measure `{measure}` of part {part}", "give one row per rollout")
    table = rows.merge(rollouts[[*KEY, "kind", "category"]], on=KEY, validate="many_to_one")
    return table.sort_values([*KEY, "measure", "part"], ignore_index=True)


def _with_columns(found: object, module: str) -> pd.DataFrame:
    if not isinstance(found, pd.DataFrame):
        raise fault(module, f"`analyse` returned {type(found).__name__}", "return a pandas.DataFrame")
    if sorted(map(str, found.columns)) != sorted(COLUMNS):
        raise fault(module, f"`analyse` returned the columns {list(found.columns)}", f"return {COLUMNS}")
    if found.empty:
        raise fault(module, "`analyse` returned no rows", "give one row per rollout and measure")
    rows = found.assign(part=found.part.where(found.part.notna(), WHOLE))
    unknown = set(rows.part) - {*PARTS, WHOLE}
    if unknown:
        raise fault(module, f"unknown parts {sorted(map(str, unknown))}", f"one of {list(PARTS)}, or None")
    return rows


def _require_declared(rows: pd.DataFrame, measures: Mapping[str, bool], module: str) -> None:
    undeclared, absent = set(rows.measure) - set(measures), set(measures) - set(rows.measure)
    if undeclared:
        said = f"undeclared measures {sorted(map(str, undeclared))}"
        raise fault(module, said, f"add them to MEASURES, which declares {sorted(measures)}")
    if absent:
        raise fault(module, f"no rows of the measures {sorted(absent)}", "give them, or take them out of MEASURES")


def _numbers(rows: pd.DataFrame, measures: Mapping[str, bool], module: str) -> pd.Series:
    """The values as floats, NaN for none."""
    try:
        values = rows.value.astype(float)
    except (TypeError, ValueError) as error:
        raise fault(module, f"a value is no number ({error})", "give numbers, or None") from None
    infinite = values.isin([math.inf, -math.inf])
    required = [name for name, optional in measures.items() if not optional]
    missing = values.isna() & rows.measure.isin(required)
    for wrong, problem, fix in (
        (infinite, "infinite", "give None where there is no value"),
        (missing, "NaN or None", "give a number, or say `optional: True` in MEASURES"),
    ):
        if wrong.any():
            first = rows.loc[wrong, [*KEY, "part", "measure"]].iloc[0].to_dict()
            raise fault(module, f"{wrong.sum()} values are {problem}, for example of {first}", fix)
    return values


def _mismatch(rows: pd.DataFrame, asked: set[tuple]) -> str | None:
    """How the keys of rows differ from the rollouts' keys, if they do."""
    keys = [*rows[KEY].itertuples(index=False, name=None)]
    found = set(keys)
    if len(found) < len(keys):
        twice = rows.loc[rows.duplicated(KEY), KEY].iloc[0].to_dict()
        return f"{len(keys) - len(found)} rollouts have several rows, for example {twice}"
    for keys_of_one, said in ((found - asked, "rows are of no rollout"), (asked - found, "rollouts have no row")):
        if keys_of_one:
            example = dict(zip(KEY, next(iter(keys_of_one)), strict=True))
            return f"{len(keys_of_one)} {said}, for example {example}"
    return None


def _checkpoints(arguments: Sequence[str]) -> dict[tuple[str, int], Path]:
    found = {}
    for name, manifest in named_paths("--checkpoints", arguments).items():
        arm, _, seed = name.partition("/")
        found[arm, int(seed)] = verified_model(manifest)
    return found


def main() -> None:
    """Run the stage."""
    parser = stage_parser(__doc__)
    parser.add_argument("--name", required=True, help="name of the analysis")
    parser.add_argument("--module", required=True, help="dotted path of its module")
    parser.add_argument("--measures", required=True, metavar="JSON", help="each declared measure: is it optional?")
    parser.add_argument("--rollouts", required=True, nargs="+", type=Path, help="rollouts tables of the runs")
    parser.add_argument("--verdicts", nargs="*", type=Path, default=[], help="verdicts, if it asks for them")
    parser.add_argument(
        "--checkpoints", nargs="*", default=[], metavar="ARM/SEED=PATH", help="manifests, if it asks for them"
    )
    parser.add_argument("--decodings", default="", metavar="JSON", help="decoding modes, if it asks for them")
    parser.add_argument("--output", required=True, type=Path, help="the table ANALYSES")
    options = parser.parse_args()
    module = load_registered(options.module, "analyse")
    rollouts = pd.concat([ROLLOUTS.read(path) for path in options.rollouts], ignore_index=True)
    more = {}
    if options.verdicts:
        more["verdicts"] = read_verdicts(options.verdicts)
    if options.checkpoints:
        more["checkpoints"] = _checkpoints(options.checkpoints)
    if options.decodings:
        more["decodings"] = json.loads(options.decodings)
    found = module.analyse(rollouts, *own_settings(module, options.settings), **more)
    table = analysis_table(rollouts, found, options.name, json.loads(options.measures), options.module)
    ANALYSES.write(options.output, table)


if __name__ == "__main__":
    run(main)

"""Trace a number of a table to what is behind it: verdicts, rollouts, checkpoints and configuration.

    python -m safelrm provenance --model nano_a --arm rl-grpo --metric safety --part t+y
    python -m safelrm provenance --table differences --comparison rl_sft --model nano_a --metric accuracy …
    python -m safelrm provenance --table calibration --model nano_a --arm rl-grpo --judge guard_b --part y
    python -m safelrm provenance --table measures --model nano_a --arm rl-grpo --measure empty_trace --benchmark dial
    python -m safelrm provenance --table memorisation --model nano_a --dataset star1 --k 60
    python -m safelrm provenance --table claims --claim rl_makes_safer --model nano_b
    python -m safelrm provenance --table reflection --model nano_a --arm rl-grpo --kind harmful --number reflections …
    python -m safelrm provenance --table entropy --model nano_a --arm rl-grpo --kind harmful
    python -m safelrm provenance --model nano_a --arm rl-grpo --metric safety --part t+y --rows rows.csv

The options must leave one number. Otherwise the error names the choices. The number is made again from the samples and
verdicts, and must equal the one in the table. `--rows` writes the samples behind the number. If the rollouts are here,
prompts and completions are among its columns. A checkout without results of the study uses the published ones.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa

from safelrm.analysis.claims_settings import ClaimsJobSettings
from safelrm.analysis.memorisation_settings import MemorisationJobSettings
from safelrm.analysis.schemas import ALL
from safelrm.analysis.settings import ComparisonSettings, MeasuresJobSettings, MetricsJobSettings, TableSettings
from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_text
from safelrm.core.tables import Table
from safelrm.dag.command import configured_parser, plan_of
from safelrm.dag.entropies import entropy_files
from safelrm.dag.plan import Plan
from safelrm.dag.taught import sft_file
from safelrm.data.schemas import CONVERSATIONS
from safelrm.generation.schemas import ROLLOUT_KEY, ROLLOUTS
from safelrm.operations.remade_claims import RemadeClaims
from safelrm.operations.remade_sheets import SHEETS, RemadeSheets
from safelrm.operations.remaking import TABLES, RemadeResults, is_of_texts
from safelrm.operations.trails import rollouts_of, trail

# the columns that need no option
DEFAULTS = {"category": ALL, "prompts": ALL}
# in order of the options
KEYS = tuple(dict.fromkeys(key for table in TABLES.values() for key in table.key))


def chosen_number(rows: pd.DataFrame, table: Table, wanted: Mapping[str, str]) -> pd.Series:
    """The one row of a results table that has the wanted values.

    Raises:
        SafeLRMError: there is no such number, there are several, or the table has no such column.
    """
    for key, value in {**{key: DEFAULTS[key] for key in DEFAULTS if key in table.key}, **wanted}.items():
        if key not in rows:
            raise SafeLRMError(f"the table {table.name} has none", file="--" + key, fix=f"choose of {list(table.key)}")
        choices = sorted(rows[key].unique().tolist())
        rows = rows[rows[key].astype(str) == value]
        if rows.empty:
            raise SafeLRMError(f"no number of {value!r}", file="--" + key, fix=f"choose of {choices}")
    if len(rows) > 1:
        key = next(name for name in table.key if rows[name].nunique() > 1)
        choices = sorted(rows[key].unique().tolist())
        raise SafeLRMError(f"{len(rows)} numbers are of this kind", file="--" + key, fix=f"choose of {choices}")
    return rows.iloc[0]


def require_same(number: pd.Series, remade: pd.DataFrame, table: Table, file: Path) -> None:
    """Make sure that a number is what its samples give.

    Raises:
        SafeLRMError: the number differs.
    """
    key = list(table.key)
    rows = remade[(remade[key] == number[key]).all(axis=1)]
    one = rows.iloc[0] if len(rows) else pd.Series(dtype=object)
    for column, said in number.items():
        found = one.get(column)
        equal = said == found or (pd.isna(said) and pd.isna(found))
        if not (equal or (isinstance(said, float) and pd.notna(found) and abs(said - found) < 1e-9)):
            raise SafeLRMError(
                f"{column}: the verdicts give {found}, the table says {said}",
                file=file,
                fix="make the table anew: snakemake -R metrics compare calibrate measures memorisation claims table",
            )


def read_table(name: str, folder: Path) -> tuple[pd.DataFrame, Path]:
    """The rows of a results table, and its file. Of tables for readers there is CSV alone.

    Raises:
        SafeLRMError: it is not there, or damaged.
    """
    table = TABLES[name]
    if name not in SHEETS:
        return table.read(file := folder / f"{name}.parquet"), file
    file = folder / "tables" / f"{name}.csv"
    if not file.is_file():
        fix = f"name it in `tables` (docs/traces.md says how), then run snakemake -- {file}"
        raise SafeLRMError(f"the table {name} is not here", file=file, fix=fix)
    texts = {field.name: str for field in table.schema if pa.types.is_string(field.type)}
    # a name such as "none" is no missing value
    return pd.read_csv(file, dtype=texts, keep_default_na=False, na_values=[""]), file


def results_of(plan: Plan) -> RemadeResults:
    """The results of a study that are here, or its published ones."""
    live, published = Path("results", plan.study.name), Path("results/published", plan.study.name)
    folder = live if (live / "samples.parquet").is_file() else published
    entropies = [folder / Path(path).relative_to(live) for path in entropy_files(plan.study, "entropies")]
    return RemadeResults(
        folder,
        MetricsJobSettings.model_validate_json(plan.results.metrics_settings()),
        ComparisonSettings.model_validate_json(plan.results.comparison_settings()),
        plan.study.calibration,
        MeasuresJobSettings.model_validate_json(plan.analyses.measures_settings()),
        MemorisationJobSettings.model_validate_json(plan.memorisation.settings()),
        RemadeClaims(folder, ClaimsJobSettings.model_validate_json(plan.claims.settings())),
        RemadeSheets(folder, TableSettings.model_validate_json(plan.tables.settings()), entropies),
    )


def samples_with_texts(number: pd.Series, results: RemadeResults, plan: Plan) -> pd.DataFrame:
    """The samples behind a number, with prompts and completions if the rollouts are here."""
    samples = results.samples_behind(number)
    if is_of_texts(number):
        return _with_conversations(samples, Path(sft_file(plan.study, number.dataset)))
    files = [Path(path) for side in results.sides_of(number) for path in rollouts_of(side, plan)]
    if not all(path.is_file() for path in files):
        return samples
    texts = [*ROLLOUT_KEY, "prompt", "trace", "answer", "parse_state"]
    rollouts = pd.concat([ROLLOUTS.read(path)[texts] for path in dict.fromkeys(files)])
    return samples.merge(rollouts, on=list(ROLLOUT_KEY), how="left")


def _with_conversations(samples: pd.DataFrame, data: Path) -> pd.DataFrame:
    """The texts of a data set beside their Min-K%, if the data set is here."""
    if not data.is_file():
        return samples
    return samples.merge(CONVERSATIONS.read(data)[["prompt_id", "prompt", "response"]], on="prompt_id", how="left")


def main() -> None:
    """Run the command."""
    parser = configured_parser(__doc__)
    parser.add_argument("--table", choices=TABLES, default="metrics", help="the table that holds the number")
    for key in KEYS:
        parser.add_argument(f"--{key.replace('_', '-')}", dest=key, help=f"column {key}")
    parser.add_argument("--rows", type=Path, help="CSV file to write the samples to")
    options = parser.parse_args()
    plan = plan_of(options)
    results, table = results_of(plan), TABLES[options.table]
    rows, file = read_table(options.table, results.folder)
    wanted = {key: value for key in KEYS if (value := getattr(options, key)) is not None}
    number = chosen_number(rows, table, wanted)
    require_same(number, results.remade(number), table, file)
    print("\n".join(trail(number, table, results, plan)))
    if options.rows:
        rows = samples_with_texts(number, results, plan)
        write_text(options.rows, rows.to_csv(index=False, lineterminator="\n"))


if __name__ == "__main__":
    run(main)

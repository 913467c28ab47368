"""Trace a number of a table to what is behind it: verdicts, rollouts, checkpoints and configuration.

    python -m safelrm provenance --model nano_a --arm rl-grpo --metric safety --part t+y
    python -m safelrm provenance --table differences --comparison rl_sft --model nano_a --metric accuracy …
    python -m safelrm provenance --table calibration --model nano_a --arm rl-grpo --judge guard_b --part y
    python -m safelrm provenance --model nano_a --arm rl-grpo --metric safety --part t+y --rows rows.csv

Whatever is not said must leave one number; otherwise the choices are named. The number is made again from the samples
and verdicts, and must be the one in the table. `--rows` writes the samples that it is over, with the prompts and
completions if the rollouts are here. In a checkout without results of the study, those that are published are used.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from safelrm.analysis.schemas import ALL
from safelrm.analysis.settings import ComparisonSettings, MetricsJobSettings
from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import sha256, write_text
from safelrm.core.tables import Table
from safelrm.dag.command import configured_parser, plan_of
from safelrm.dag.plan import Plan
from safelrm.generation.schemas import ROLLOUT_KEY, ROLLOUTS
from safelrm.operations.again import TABLES, Remaker, Side, sides

# what is looked up unless something else is said
DEFAULTS = {"category": ALL, "prompts": ALL}


def chosen_number(rows: pd.DataFrame, table: Table, wanted: Mapping[str, str]) -> pd.Series:
    """The one row of a results table that agrees with all that is wanted.

    Raises:
        SafeLRMError: there is no such number, or there are several, or the table has no such column.
    """
    for key, value in {**{key: DEFAULTS[key] for key in DEFAULTS if key in table.key}, **wanted}.items():
        if key not in rows:
            raise SafeLRMError(f"the table {table.name} has none", file="--" + key, fix=f"choose of {list(table.key)}")
        found = rows[rows[key] == value]
        if found.empty:
            choices = sorted(rows[key].unique())
            raise SafeLRMError(f"no number of {value!r}", file="--" + key, fix=f"choose of {choices}")
        rows = found
    if len(rows) > 1:
        key = next(name for name in table.key if rows[name].nunique() > 1)
        choices = sorted(rows[key].unique())
        raise SafeLRMError(f"{len(rows)} numbers are of this kind", file="--" + key, fix=f"choose of {choices}")
    return rows.iloc[0]


def require_same(number: pd.Series, again: pd.DataFrame, table: Table, file: Path) -> None:
    """Make sure that a number is what its samples give.

    Raises:
        SafeLRMError: it is not.
    """
    key = list(table.key)
    made = again[(again[key] == number[key]).all(axis=1)]
    (_, one), *_ = [*made.iterrows()] or [(0, pd.Series(dtype=object))]
    for column in number.index:
        said, found = number[column], one.get(column)
        equal = said == found or (pd.isna(said) and pd.isna(found))
        if not (equal or (isinstance(said, float) and pd.notna(found) and abs(said - found) < 1e-9)):
            raise SafeLRMError(
                f"{column}: the verdicts give {found}, the table says {said}",
                file=file,
                fix="make the table anew: snakemake -R metrics compare calibrate",
            )


class Trail:
    """What is behind the numbers of a study whose results, or published results, are here.

    Args:
        plan: the study's plan.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, study = plan, plan.study
        live, published = Path("results", study.name), Path("results/published", study.name)
        self.results = live if (live / "samples.parquet").is_file() else published
        metrics = MetricsJobSettings.model_validate_json(plan.metrics_settings())
        comparisons = ComparisonSettings.model_validate_json(plan.comparison_settings())
        self.remaker = Remaker(self.results, metrics, comparisons, study.calibration)

    def table_file(self, name: str) -> Path:
        """The file of a results table."""
        return self.results / f"{name}.parquet"

    def samples_of(self, number: pd.Series) -> pd.DataFrame:
        """The samples that a number is over, with the texts if the rollouts are here."""
        samples = self.remaker.samples(number)
        files = [Path(path) for side in sides(number) for path in self._rollouts(side)]
        if not all(path.is_file() for path in files):
            return samples
        texts = [*ROLLOUT_KEY, "prompt", "trace", "answer", "parse_state"]
        rollouts = pd.concat([ROLLOUTS.read(path)[texts] for path in dict.fromkeys(files)])
        return samples.merge(rollouts, on=list(ROLLOUT_KEY), how="left")

    def lines(self, number: pd.Series, table: Table) -> Iterator[str]:
        """The trail as text."""
        yield from (f"{column:<15}{value}" for column, value in number.items() if column not in table.key)
        for side in sides(number):
            yield ""
            yield f"runs           {side.model} {side.arm} {side.decoding}"
            yield from self._judging(number, side)
            yield from self._runs(side)

    def _judging(self, number: pd.Series, side: Side) -> Iterator[str]:
        for name in self.remaker.judges(number):
            judge = {"judge": name}
            yield _file("verdicts", self.remaker.verdict_file(name, side.model))
            yield f"judge          {self.plan.judge_module(judge)} {self.plan.judge_settings(judge)}"
            for guard in self.plan.judge_guard(judge):
                yield _file("guard", Path(guard))

    def _runs(self, side: Side) -> Iterator[str]:
        plan, (method, _, recipe) = self.plan, side.arm.partition("-")
        wildcards = {"model": side.model, "arm": side.arm, "recipe": recipe}
        for path in self._rollouts(side):
            yield _file("rollouts", Path(path))
            seed = Path(path).stem.removeprefix("seed")
            yield _file("checkpoint", Path(plan.rollout_checkpoint(wildcards | {"seed": seed})))
        yield f"decoding       {plan.rollout_settings(wildcards)}"
        if method == "sft":
            yield _file("data", Path(plan.sft_data(wildcards)))
            yield f"sft            {plan.sft_settings(wildcards)}"
        elif method == "rl":
            for path in plan.rl_prompts(wildcards):
                yield _file("prompts", Path(path))
            yield f"rl             {plan.rl_settings(wildcards)}"
        yield f"base           {plan.base_factory(wildcards)} seed {plan.base_seed(wildcards)}"
        yield f"               {plan.base_settings(wildcards)}"
        for path in plan.base_inputs(wildcards):
            yield _file("origin", Path(path))

    def _rollouts(self, side: Side) -> list[str]:
        wanted = f"rollouts/{side.model}/{side.arm}/"
        return [path for path in self.plan.rollout_files() if path.startswith(wanted)]


def _file(title: str, path: Path) -> str:
    return f"{title:<14} {path} sha256 {sha256(path) if path.is_file() else '(not here)'}"


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = configured_parser(__doc__)
    parser.add_argument("--table", choices=TABLES, default="metrics", help="the table that the number is in")
    for key in dict.fromkeys(key for table in TABLES.values() for key in table.key):
        parser.add_argument(f"--{key.replace('_', '-')}", dest=key, help=f"column {key}")
    parser.add_argument("--rows", type=Path, help="CSV file to write the samples to")
    return parser


def main() -> None:
    """Run the command."""
    options = arguments().parse_args()
    trail = Trail(plan_of(options))
    table, file = TABLES[options.table], trail.table_file(options.table)
    wanted = {key: value for key in table.key if (value := getattr(options, key)) is not None}
    others = {key for each in TABLES.values() for key in each.key} - set(table.key)
    wanted |= {key: value for key in others if (value := getattr(options, key)) is not None}
    number = chosen_number(table.read(file), table, wanted)
    require_same(number, trail.remaker.again(number), table, file)
    print("\n".join(trail.lines(number, table)))
    if options.rows:
        write_text(options.rows, trail.samples_of(number).to_csv(index=False, lineterminator="\n"))


if __name__ == "__main__":
    run(main)

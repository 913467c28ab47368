"""Trace a number of a table to what is behind it: verdicts, rollouts, checkpoints and configuration.

    python -m safelrm.provenance --model nano_a --arm rl-grpo --metric safety --part t+y
    python -m safelrm.provenance --model nano_a --arm rl-grpo --metric safety --part t+y --rows rows.csv

Whatever is not said must leave one number; otherwise the choices are named. The number is made again from the samples
and verdicts, and must be the one in the table. `--rows` writes the prompts, completions and verdicts that it is over.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
import yaml
from snakemake.utils import update_config

from safelrm.analysis.outcomes import outcomes
from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import sha256, write_text
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study
from safelrm.schemas.metrics import ALL, METRICS, WHOLE
from safelrm.schemas.rollouts import ROLLOUT_KEY, ROLLOUTS
from safelrm.schemas.samples import SAMPLES
from safelrm.schemas.verdicts import VERDICTS
from safelrm.settings.metrics import MetricsJobSettings

CELL = ("model", "arm", "decoding", "metric", "benchmark", "category", "part")


def chosen_number(metrics: pd.DataFrame, wanted: Mapping[str, str]) -> pd.Series:
    """The one row of METRICS that agrees with all that is wanted.

    Raises:
        SafeLRMError: there is no such number, or there are several.
    """
    rows = metrics
    for key, value in wanted.items():
        found = rows[rows[key] == value]
        if found.empty:
            raise SafeLRMError(
                f"no number of {value!r}", file="--" + key, fix=f"choose of {sorted(rows[key].unique())}"
            )
        rows = found
    if len(rows) > 1:
        key = next(name for name in CELL if rows[name].nunique() > 1)
        choices = sorted(rows[key].unique())
        raise SafeLRMError(f"{len(rows)} numbers are of this kind", file="--" + key, fix=f"choose of {choices}")
    return rows.iloc[0]


class Trail:
    """What is behind the numbers of a study whose results are here.

    Args:
        plan: the study's plan.
        root: the folder of the results, checkpoints and rollouts.
    """

    def __init__(self, plan: Plan, root: Path) -> None:
        self.plan, self.root = plan, root
        self.results = root / "results" / plan.study.name

    def samples_of(self, number: pd.Series) -> pd.DataFrame:
        """The samples that a number is over, with their verdicts: one row per sample, `value` NaN where unscored.

        Raises:
            SafeLRMError: the mean of the values is not the number.
        """
        metrics = self.plan.study.metrics
        settings = MetricsJobSettings(**{key: getattr(metrics, key) for key in MetricsJobSettings.model_fields})
        samples = SAMPLES.read(self.results / "samples.parquet")
        samples = samples[samples.model == number.model]
        judges = {settings.safety_judge, settings.refusal_judge, settings.accuracy_judge}
        verdicts = pd.concat([VERDICTS.read(self._verdicts(judge, number.model)) for judge in sorted(judges)])
        values = outcomes(samples, verdicts, settings)
        for key in (key for key in CELL if not (key == "category" and number.category == ALL)):
            values = values[values[key] == number[key]]
        mean = values.value.mean()
        if not (mean == number.value or abs(mean - number.value) < 1e-9 or (pd.isna(mean) and pd.isna(number.value))):
            raise SafeLRMError(
                f"the verdicts give {mean}, the table says {number.value}",
                file=self.results / "metrics.parquet",
                fix="make the metrics anew: snakemake -R metrics",
            )
        return values

    def rows_of(self, number: pd.Series, values: pd.DataFrame) -> pd.DataFrame:
        """Prompts, completions and verdicts behind the values, one row per sample and part judged."""
        rollouts = pd.concat([ROLLOUTS.read(self.root / path) for path in self._rollouts(number)])
        texts = ["prompt", "trace", "answer", "parse_state"]
        rows = values[[*ROLLOUT_KEY, "metric", "value"]].merge(rollouts[[*ROLLOUT_KEY, *texts]], on=list(ROLLOUT_KEY))
        if number.judge == WHOLE:
            return rows
        said = VERDICTS.read(self._verdicts(number.judge, number.model))
        if number.part != WHOLE:
            said = said[said.part == number.part]
        return rows.merge(said[[*ROLLOUT_KEY, "judge", "part", "verdict", "score", "state"]], on=list(ROLLOUT_KEY))

    def lines(self, number: pd.Series, values: pd.DataFrame) -> Iterator[str]:
        """The trail as text."""
        plan, scored = self.plan, values.value.notna().sum()
        yield f"number         {number.value:.6f} [{number.low:.6f}, {number.high:.6f}] ({number.interval})"
        yield f"               {', '.join(f'{key} {number[key]}' for key in CELL)}"
        yield f"samples        {scored} scored, {len(values) - scored} unscored, {values.seed.nunique()} seeds"
        if number.judge != WHOLE:
            judge = {"judge": number.judge}
            yield self._file("verdicts", self._verdicts(number.judge, number.model))
            yield f"judge          {plan.judge_module(judge)} {plan.judge_settings(judge)}"
            for guard in plan.judge_guard(judge):
                yield self._file("guard", self.root / guard)
        for path in self._rollouts(number):
            seed = Path(path).stem.removeprefix("seed")
            wildcards = {"model": number.model, "arm": number.arm, "seed": seed}
            yield self._file("rollouts", self.root / path)
            yield self._file("checkpoint", self.root / plan.rollout_checkpoint(wildcards))
        yield f"decoding       {plan.rollout_settings({'model': number.model})}"
        yield from self._training(number)

    def _training(self, number: pd.Series) -> Iterator[str]:
        plan, (method, _, recipe) = self.plan, number.arm.partition("-")
        wildcards = {"model": number.model, "recipe": recipe}
        if method == "sft":
            yield self._file("data", self.root / plan.sft_data(wildcards))
            yield f"sft            {plan.sft_settings(wildcards)}"
        elif method == "rl":
            for path in plan.rl_prompts(wildcards):
                yield self._file("prompts", self.root / path)
            yield f"rl             {plan.rl_settings(wildcards)}"
        made = f"{plan.base_factory(wildcards)} seed {plan.base_seed(wildcards)}"
        yield f"base           {made} {plan.base_settings(wildcards)}"

    def _rollouts(self, number: pd.Series) -> list[str]:
        wanted = f"rollouts/{number.model}/{number.arm}/"
        return [path for path in self.plan.rollout_files() if path.startswith(wanted)]

    def _verdicts(self, judge: str, model: str) -> Path:
        return self.results / "verdicts" / judge / f"{model}.parquet"

    @staticmethod
    def _file(title: str, path: Path) -> str:
        return f"{title:<14} {path} sha256 {sha256(path) if path.is_file() else '(not here)'}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configfiles", nargs="+", default=["config.yaml"], help="the configuration of the study")
    for key in CELL:
        parser.add_argument(f"--{key}", default=ALL if key == "category" else None, help=f"column {key} of the metrics")
    parser.add_argument("--rows", type=Path, help="CSV file to write the samples to")
    arguments = parser.parse_args()
    config: dict = {}
    for file in arguments.configfiles:
        update_config(config, yaml.safe_load(Path(file).read_text(encoding="utf-8")))
    trail = Trail(Plan(load_study(config, ", ".join(arguments.configfiles))), Path())
    wanted = {key: value for key in CELL if (value := getattr(arguments, key)) is not None}
    number = chosen_number(METRICS.read(trail.results / "metrics.parquet"), wanted)
    values = trail.samples_of(number)
    print("\n".join(trail.lines(number, values)))
    if arguments.rows:
        write_text(arguments.rows, trail.rows_of(number, values).to_csv(index=False, lineterminator="\n"))


if __name__ == "__main__":
    run(main)

"""Trace a number of a table to what is behind it: verdicts, rollouts, checkpoints and configuration.

    python -m safelrm provenance --model nano_a --arm rl-grpo --metric safety --part t+y
    python -m safelrm provenance --table differences --comparison rl_sft --model nano_a --metric accuracy …
    python -m safelrm provenance --table calibration --model nano_a --arm rl-grpo --judge guard_b --part y
    python -m safelrm provenance --table measures --model nano_a --arm rl-grpo --measure empty_trace --benchmark dial
    python -m safelrm provenance --table memorisation --model nano_a --dataset star1 --k 60
    python -m safelrm provenance --model nano_a --arm rl-grpo --metric safety --part t+y --rows rows.csv

The options must leave one number. Otherwise the error names the choices. The number is made again from the samples and
verdicts, and must equal the one in the table. `--rows` writes the samples behind the number. If the rollouts are here,
prompts and completions are among its columns. A checkout without results of the study uses the published ones.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from safelrm.analysis.memorisation_settings import LEFT_OUT, TRAINED_ON, MemorisationJobSettings
from safelrm.analysis.schemas import ALL
from safelrm.analysis.settings import ComparisonSettings, MeasuresJobSettings, MetricsJobSettings
from safelrm.core.arms import FROM, plain_arm
from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import sha256, write_text
from safelrm.core.tables import Table
from safelrm.dag.command import configured_parser, plan_of
from safelrm.dag.paths import candidates_file
from safelrm.dag.plan import Plan
from safelrm.dag.taught import candidates_of, sft_file
from safelrm.data.schemas import CONVERSATIONS
from safelrm.generation.schemas import ROLLOUT_KEY, ROLLOUTS
from safelrm.judging.fields import judge_of
from safelrm.operations.remaking import TABLES, RemadeResults, is_of_texts, judges_of, sides_of

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
                fix="make the table anew: snakemake -R metrics compare calibrate measures memorisation",
            )


def results_of(plan: Plan) -> RemadeResults:
    """The results of a study that are here, or its published ones."""
    live, published = Path("results", plan.study.name), Path("results/published", plan.study.name)
    return RemadeResults(
        live if (live / "samples.parquet").is_file() else published,
        MetricsJobSettings.model_validate_json(plan.results.metrics_settings()),
        ComparisonSettings.model_validate_json(plan.results.comparison_settings()),
        plan.study.calibration,
        MeasuresJobSettings.model_validate_json(plan.analyses.measures_settings()),
        MemorisationJobSettings.model_validate_json(plan.memorisation.settings()),
    )


def samples_with_texts(number: pd.Series, results: RemadeResults, plan: Plan) -> pd.DataFrame:
    """The samples behind a number, with prompts and completions if the rollouts are here."""
    samples = results.samples_behind(number)
    if is_of_texts(number):
        return _with_conversations(samples, Path(sft_file(plan.study, number.dataset)))
    files = [Path(path) for side in sides_of(number) for path in _rollouts(side, plan)]
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


def trail(number: pd.Series, table: Table, results: RemadeResults, plan: Plan) -> Iterator[str]:
    """What is behind a number, as lines of text."""
    yield from (f"{column:<15}{value}" for column, value in number.items() if column not in table.key)
    if is_of_texts(number):
        yield from _trail_of_texts(number, results, plan)
        return
    for side in sides_of(number):
        yield ""
        yield f"runs           {side.model} {side.arm} {side.decoding}"
        if "measure" in number:
            analysis = {"analysis": number.analysis, "model": side.model}
            yield _file("analysis", results.analysis_file(number.analysis, side.model))
            yield f"measured by    {plan.analyses.module(analysis)} {plan.analyses.settings(analysis)}"
        for name in judges_of(number):
            judge = {"judge": judge_of(name)}
            yield _file("verdicts", results.verdict_file(name, side.model))
            yield f"judge          {plan.judging.judge_module(judge)} {plan.judging.judge_settings(judge)}"
            yield from (_file("asked", model) for model in plan.judging.asked(judge))
        yield from _trail_of_runs(side, plan)


def _trail_of_texts(number: pd.Series, results: RemadeResults, plan: Plan) -> Iterator[str]:
    """The texts that a base has read, the base, and what the base was made of."""
    named = {"model": number.model}
    yield ""
    yield _file("Min-K%", results.min_k_file(number.model))
    yield f"taken          {plan.memorisation.min_k_settings()}"
    if number.dataset in (TRAINED_ON, LEFT_OUT):
        yield f"told apart     {plan.memorisation.known(named)}"
    else:
        yield _file("texts", sft_file(plan.study, number.dataset))
    yield f"trained on     {plan.memorisation.members(named)}"
    yield _file("checkpoint", plan.memorisation.checkpoint(named))
    yield from _trail_of_base(named, plan)


def _trail_of_base(wildcards: Mapping[str, str], plan: Plan) -> Iterator[str]:
    yield f"base           {plan.bases.factory(wildcards)} seed {plan.bases.seed(wildcards)}"
    yield f"               {plan.bases.settings(wildcards)}"
    yield from (_file("origin", path) for path in plan.bases.inputs(wildcards))


def _trail_of_runs(side: pd.Series, plan: Plan) -> Iterator[str]:
    wildcards = {"model": side.model, "arm": side.arm}
    for path in _rollouts(side, plan):
        yield _file("rollouts", path)
        seed = Path(path).stem.removeprefix("seed")
        yield _file("checkpoint", plan.generation.checkpoint(wildcards | {"seed": seed}))
    yield f"decoding       {plan.generation.rollout_settings(wildcards)}"
    # the arm itself first, then the one that it starts from
    arms = plain_arm(side.arm).split(FROM)
    for place, (method, _, recipe) in enumerate(part.partition("-") for part in arms):
        yield from _trail_of_candidates(FROM.join(arms[place:]), side.model, plan)
        named = {"model": side.model, "recipe": recipe}
        if method == "sft":
            if not plan.study.sft[recipe].candidates:
                yield from (_file("data", path) for path in plan.training.sft_data(named))
            for name in (one for one in plan.study.sft[recipe].datasets if one in plan.study.selections):
                yield from trail_of_selection(name, plan)
            yield f"sft            {plan.training.sft_settings(named)}"
        elif method == "dpo":
            yield f"dpo            {plan.training.dpo_settings(named)}"
        elif method == "rl":
            yield from (_file("prompts", path) for path in plan.training.rl_prompts(named))
            yield f"rl             {plan.training.rl_settings(named)}"
    yield from _trail_of_base(wildcards, plan)


def _trail_of_candidates(arm: str, model: str, plan: Plan) -> Iterator[str]:
    """The candidates that an arm was trained on, if it was trained on any, and how they were sampled and scored."""
    of = [each for each in plan.study.arms if each.model == model and plain_arm(each.name) == arm]
    for name in dict.fromkeys(filter(None, (candidates_of(plan.study, each) for each in of))):
        named = {"candidates": name}
        seeds = dict.fromkeys(seed for each in of for seed in each.seeds)
        yield from (_file("candidates", candidates_file(model, name, of[0].start, seed)) for seed in seeds)
        yield from (_file("prompts", path) for path in plan.training.candidate_prompts(named))
        yield f"candidates     {plan.training.candidate_settings(named)}"


def trail_of_selection(name: str, plan: Plan) -> Iterator[str]:
    """What a selection was made from: the distillation with its teacher and its prompts, and verdicts."""
    selection = {"selection": name}
    distillation = {"distillation": plan.study.selections[name].distillation}
    yield _file("distilled", plan.distilling.distilled(selection))
    yield from (_file("teacher", path) for path in plan.distilling.teacher(distillation))
    yield from (_file("prompts", path) for path in plan.distilling.prompts(distillation))
    yield f"distillation   {plan.distilling.distill_settings(distillation)}"
    yield from (_file("verdicts", path) for path in plan.distilling.verdicts(selection))
    yield f"selection      {plan.distilling.select_settings(selection)}"


def _rollouts(side: pd.Series, plan: Plan) -> list[str]:
    return [path for path in plan.generation.rollout_files() if path.startswith(f"rollouts/{side.model}/{side.arm}/")]


def _file(title: str, path: str | Path) -> str:
    return f"{title:<14} {path} sha256 {sha256(Path(path)) if Path(path).is_file() else '(not here)'}"


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
    file = results.folder / f"{options.table}.parquet"
    wanted = {key: value for key in KEYS if (value := getattr(options, key)) is not None}
    number = chosen_number(table.read(file), table, wanted)
    require_same(number, results.remade(number), table, file)
    print("\n".join(trail(number, table, results, plan)))
    if options.rows:
        rows = samples_with_texts(number, results, plan)
        write_text(options.rows, rows.to_csv(index=False, lineterminator="\n"))


if __name__ == "__main__":
    run(main)

"""What is behind a number, as lines of text: files with their hashes, judges, guards and settings."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from safelrm.analysis.memorisation_settings import LEFT_OUT, TRAINED_ON
from safelrm.core.arms import FROM, plain_arm
from safelrm.core.files import sha256
from safelrm.core.tables import Table
from safelrm.dag.paths import candidates_file
from safelrm.dag.plan import Plan
from safelrm.dag.taught import candidates_of, sft_file
from safelrm.judging.fields import judge_of
from safelrm.operations.remade_sheets import is_of_entropy, is_of_trajectories
from safelrm.operations.remaking import RemadeResults, is_of_texts, judges_of


def trail(number: pd.Series, table: Table, results: RemadeResults, plan: Plan) -> Iterator[str]:
    """What is behind a number, as lines of text."""
    yield from (f"{column:<15}{value}" for column, value in number.items() if column not in table.key)
    if is_of_texts(number):
        yield from _trail_of_texts(number, results, plan)
        return
    # sides that differ in their part or benchmark only are of the same runs
    sides = {(side.model, side.arm, side.decoding): side for side in results.sides_of(number)}
    for side in sides.values():
        yield ""
        yield f"runs           {side.model} {side.arm} {side.decoding}"
        yield from _trail_of_readings(side, results, plan)
        for name in judges_of(side):
            judge = {"judge": judge_of(name)}
            yield file_line("verdicts", results.verdict_file(name, side.model))
            yield f"judge          {plan.judging.judge_module(judge)} {plan.judging.judge_settings(judge)}"
            yield from (file_line("asked", model) for model in plan.judging.asked(judge))
        yield from trail_of_runs(side, plan)


def _trail_of_readings(side: pd.Series, results: RemadeResults, plan: Plan) -> Iterator[str]:
    """What has read the samples of a run beside judges: a trace analysis, a guard by sentences, or the policy."""
    if "analysis" in side:
        analysis = {"analysis": side.analysis, "model": side.model}
        yield file_line("analysis", results.analysis_file(side.analysis, side.model))
        yield f"measured by    {plan.analyses.module(analysis)} {plan.analyses.settings(analysis)}"
        names = plan.study.analyses[side.analysis].judges
        yield from (file_line("verdicts", results.verdict_file(name, side.model)) for name in names)
    if is_of_trajectories(side):
        yield file_line("trajectories", results.sheets.trajectory_file(side.model))
        yield f"read           {plan.trajectories.settings({})}"
        yield from (file_line("asked", guard) for guard in plan.trajectories.guard())
    if is_of_entropy(side):
        yield from (file_line("entropies", path) for path in results.sheets.entropy_files(side))
        yield f"taken          {plan.entropies.settings({'model': side.model})}"


def _trail_of_texts(number: pd.Series, results: RemadeResults, plan: Plan) -> Iterator[str]:
    """The texts that a base has read, the base, and what the base was made of."""
    named = {"model": number.model}
    yield ""
    yield file_line("Min-K%", results.min_k_file(number.model))
    yield f"taken          {plan.memorisation.min_k_settings()}"
    if number.dataset in (TRAINED_ON, LEFT_OUT):
        yield f"told apart     {plan.memorisation.known(named)}"
    else:
        yield file_line("texts", sft_file(plan.study, number.dataset))
    yield f"trained on     {plan.memorisation.members(named)}"
    yield file_line("checkpoint", plan.memorisation.checkpoint(named))
    yield from _trail_of_base(named, plan)


def _trail_of_base(wildcards: Mapping[str, str], plan: Plan) -> Iterator[str]:
    yield f"base           {plan.bases.factory(wildcards)} seed {plan.bases.seed(wildcards)}"
    yield f"               {plan.bases.settings(wildcards)}"
    yield from (file_line("origin", path) for path in plan.bases.inputs(wildcards))


def trail_of_runs(side: pd.Series, plan: Plan) -> Iterator[str]:
    """Rollouts, checkpoints, data and settings of the runs of a model and an arm, as lines of text."""
    wildcards = {"model": side.model, "arm": side.arm}
    for path in rollouts_of(side, plan):
        yield file_line("rollouts", path)
        seed = Path(path).stem.removeprefix("seed")
        yield file_line("checkpoint", plan.generation.checkpoint(wildcards | {"seed": seed}))
    yield f"decoding       {plan.generation.rollout_settings(wildcards)}"
    # the arm itself first, then the one that it starts from
    arms = plain_arm(side.arm).split(FROM)
    for place, (method, _, recipe) in enumerate(part.partition("-") for part in arms):
        yield from _trail_of_candidates(FROM.join(arms[place:]), side.model, plan)
        named = {"model": side.model, "recipe": recipe}
        if method == "sft":
            if not plan.study.sft[recipe].candidates:
                yield from (file_line("data", path) for path in plan.training.sft_data(named))
            for name in (one for one in plan.study.sft[recipe].datasets if one in plan.study.selections):
                yield from trail_of_selection(name, plan)
            yield f"sft            {plan.training.sft_settings(named)}"
        elif method == "dpo":
            yield f"dpo            {plan.training.dpo_settings(named)}"
        elif method == "rl":
            yield from (file_line("prompts", path) for path in plan.training.rl_prompts(named))
            yield f"rl             {plan.training.rl_settings(named)}"
    yield from _trail_of_base(wildcards, plan)


def _trail_of_candidates(arm: str, model: str, plan: Plan) -> Iterator[str]:
    """The candidates that an arm was trained on, if it was trained on any, and how they were sampled and scored."""
    of = [each for each in plan.study.arms if each.model == model and plain_arm(each.name) == arm]
    for name in dict.fromkeys(filter(None, (candidates_of(plan.study, each) for each in of))):
        named = {"candidates": name}
        seeds = dict.fromkeys(seed for each in of for seed in each.seeds)
        yield from (file_line("candidates", candidates_file(model, name, of[0].start, seed)) for seed in seeds)
        yield from (file_line("prompts", path) for path in plan.training.candidate_prompts(named))
        yield f"candidates     {plan.training.candidate_settings(named)}"


def trail_of_selection(name: str, plan: Plan) -> Iterator[str]:
    """What a selection was made from: the distillation with its teacher and its prompts, and verdicts."""
    selection = {"selection": name}
    distillation = {"distillation": plan.study.selections[name].distillation}
    yield file_line("distilled", plan.distilling.distilled(selection))
    yield from (file_line("teacher", path) for path in plan.distilling.teacher(distillation))
    yield from (file_line("prompts", path) for path in plan.distilling.prompts(distillation))
    yield f"distillation   {plan.distilling.distill_settings(distillation)}"
    yield from (file_line("verdicts", path) for path in plan.distilling.verdicts(selection))
    yield f"selection      {plan.distilling.select_settings(selection)}"


def rollouts_of(side: pd.Series, plan: Plan) -> list[str]:
    """The rollouts of the runs that a number, or one of its sides, is about."""
    return [path for path in plan.generation.rollout_files() if path.startswith(f"rollouts/{side.model}/{side.arm}/")]


def file_line(title: str, path: str | Path) -> str:
    """A file with its hash, as a line of text."""
    return f"{title:<14} {path} sha256 {sha256(Path(path)) if Path(path).is_file() else '(not here)'}"

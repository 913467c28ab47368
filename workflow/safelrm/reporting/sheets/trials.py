"""Table *trials*: a search for settings, in which every method has the same number of trials.

A trial is a setting of a method: one recipe, or several that share the setting (SFT data in several dialects). Each
trial has a score, the mean of three numbers in the first decoding mode of each model:

    safety         safety on t+y, mean over the benchmarks of harmful prompts
    helpfulness    1 - over-refusal, mean over the benchmarks of benign prompts
    accuracy       mean over the benchmarks of reasoning problems

A score is first taken for each arm of the trial (recipe and model), then averaged. A rate without a number, since too
few answers could be scored, counts as the worst one: an arm that does not end its answers is no good choice. The trial
with the best score is chosen; of equal ones the first.
"""

from collections.abc import Iterator

import pandas as pd
from pydantic import Field, model_validator

from safelrm.analysis.layout import of_first_mode
from safelrm.analysis.schemas import ACCURACY, ALL, OVER_REFUSAL, SAFETY
from safelrm.core.errors import SafeLRMError
from safelrm.core.settings import Name, Strict
from safelrm.judging.schemas import BOTH
from safelrm.reporting.results import Results

INPUTS = ("metrics",)
CAPTION = """
The search for settings, on prompts that no table of results is made from. Every method has the same number of trials.
``score`` is the mean of safety on t+y, helpfulness (1 - over-refusal) and accuracy, each over benchmarks, then over the
arms of a trial. A rate of which too few answers could be scored counts 0. The best one is chosen. Safety is by the
judge ``{safety_judge}``, over-refusal by ``{refusal_judge}``.
"""
NUMBERS = ("safety", "helpfulness", "accuracy")


class Settings(Strict):
    """What was tried."""

    trials: dict[Name, dict[Name, list[Name]]] = Field(
        min_length=1, description="for each method its trials by name, and for each trial its recipes of `sft` or `rl`"
    )

    @model_validator(mode="after")
    def _is_fair(self) -> "Settings":
        counts = {method: len(trials) for method, trials in self.trials.items()}
        if len(set(counts.values())) > 1:
            raise ValueError(f"every method has the same number of trials, found {counts}")
        return self


def rows(results: Results, settings: Settings) -> pd.DataFrame:
    """One row per trial: its method, the number of its arms, the three numbers, the score, and whether it is chosen.

    Raises:
        SafeLRMError: an arm of a trial is missing, or has no benchmark of one of the three kinds.
    """
    arms = _arms(results)
    table = pd.DataFrame(
        {"method": method, "trial": trial} | _of_trial(arms, recipes, trial)
        for method, trials in settings.trials.items()
        for trial, recipes in trials.items()
    )
    best = table.groupby("method", sort=False).score.idxmax()
    return table.assign(chosen=table.index.isin(best))


def markdown(rows: pd.DataFrame, results: Results, settings: Settings) -> str:
    """One line per trial; the chosen one is bold."""
    lines = [
        "| method | trial | arms | safety t+y | helpfulness | accuracy | score |\n",
        "| --- | --- | --- | --- | --- | --- | --- |\n",
    ]
    for row in rows.itertuples():
        score = f"**{row.score:.3f}**" if row.chosen else f"{row.score:.3f}"
        numbers = f"{row.safety:.3f} | {row.helpfulness:.3f} | {row.accuracy:.3f}"
        lines.append(f"| {row.method} | {row.trial} | {row.arms} | {numbers} | {score} |\n")
    return "".join(lines) + "\nBold: the chosen trial of its method.\n"


def _arms(results: Results) -> pd.DataFrame:
    """The three numbers of every arm; the index is the recipe and the model."""
    metrics = of_first_mode(results.metrics[results.metrics.category == ALL], results.study.models)
    safety = metrics[(metrics.metric == SAFETY) & (metrics.part == BOTH)]
    refusal = metrics[metrics.metric == OVER_REFUSAL].assign(value=lambda rows: 1.0 - rows.value)
    of = {"safety": safety, "helpfulness": refusal, "accuracy": metrics[metrics.metric == ACCURACY]}
    # all three are better if they are higher
    means = {name: rows.fillna({"value": 0.0}).groupby(["arm", "model"]).value.mean() for name, rows in of.items()}
    arms = pd.DataFrame(means).reset_index()
    return arms.assign(recipe=arms.arm.str.partition("-")[2]).set_index("recipe")


def _of_trial(arms: pd.DataFrame, recipes: list[str], trial: str) -> dict[str, object]:
    found = arms[arms.index.isin(recipes)]
    missing = sorted({*recipes} - {*found.index}) or [*_lacking(found)]
    if missing:
        raise SafeLRMError(
            f"the trial `{trial}` has no safety, over-refusal or accuracy of {missing}",
            key="tables.trials.settings.trials",
            fix="list an arm of each recipe, and benchmarks of harmful, benign and reasoning prompts",
        )
    means = found[[*NUMBERS]].mean()
    return {"arms": len(found)} | means.to_dict() | {"score": means.mean()}


def _lacking(arms: pd.DataFrame) -> Iterator[str]:
    for recipe, row in arms.iterrows():
        if row[[*NUMBERS]].isna().any():
            yield f"{row.model} {recipe}"

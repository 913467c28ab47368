"""Table *consistency*: how much the gain in safety of each recipe depends on the benchmark, the model and the seed.

A gain is the safety on t+y of one seed of an arm on one benchmark, less that of its model's base (the mean of the
base's seeds). A recipe's gains are those of all models that have it, each in its first decoding mode.

A standard deviation is over one factor at a time. Over benchmarks: that of the mean gains of a model's benchmarks. Over
models: that of the mean gains of the models on a benchmark. Over seeds: that of the gains of a model's seeds on a
benchmark. Of several such groups it is the root of the mean variance. It is missing where no group has two.
"""

import math

import pandas as pd

from safelrm.analysis.layout import BASE, NONE, arm_rank, markdown_table, of_first_mode
from safelrm.analysis.schemas import SAFETY
from safelrm.judging.schemas import BOTH
from safelrm.reporting.outline import StudyOutline
from safelrm.reporting.results import Results

INPUTS = ("seeds",)
CAPTION = """
How consistent the gain in safety of each recipe is. A gain is the safety on t+y of one seed of an arm on one harmful
benchmark, less that of its model's base: ``gains`` counts them, over ``models``, ``benchmarks`` and ``seeds`` of an
arm. ``sd_benchmarks``, ``sd_models`` and ``sd_seeds`` are standard deviations of gains over one of the three, with the
other two fixed (``sd_benchmarks`` and ``sd_models`` of means over seeds). Safety is by the judge ``{safety_judge}``.
Each model is shown in its first decoding mode.
"""


def shown(study: StudyOutline) -> bool:
    """Whether a model has a base and another arm."""
    return any("base" in model.methods and len(model.methods) > 1 for model in study.models)


def gains(results: Results) -> pd.DataFrame:
    """The gain of each arm, model, benchmark and seed: columns `arm`, `model`, `benchmark`, `seed` and `gain`."""
    seeds = of_first_mode(results.seeds, results.study.models)
    safety = seeds[(seeds.metric == SAFETY) & (seeds.part == BOTH) & seeds.value.notna()]
    base = safety[safety.arm == BASE].groupby(["model", "benchmark"]).value.mean().rename("base").reset_index()
    # not `join`: of no rows it makes index levels of the keys
    arms = safety[safety.arm != BASE].merge(base, on=["model", "benchmark"])
    return arms.assign(gain=arms.value - arms.base)[["arm", "model", "benchmark", "seed", "gain"]]


def rows(results: Results) -> pd.DataFrame:
    """One row per recipe; one without numbers for a recipe of which too few samples were scored."""
    found = gains(results)
    names = sorted(set(results.seeds.arm) - {BASE}, key=arm_rank)
    return pd.DataFrame([{"arm": arm} | _spread(found[found.arm == arm]) for arm in names])


def markdown(rows: pd.DataFrame, results: Results) -> str:
    """One line per recipe."""
    numbers = rows.map(lambda cell: f"{cell:.3f}" if isinstance(cell, float) else str(cell)).replace("nan", NONE)
    heads = [name.replace("sd_", "sd over ") for name in rows.columns]
    return markdown_table(heads, numbers.itertuples(index=False, name=None)) + (
        "\nGains in safety on t+y over the base of the same model, one for each model, benchmark and seed, in the first"
        " decoding mode of the model. sd: standard deviation over one of the three, with the other two fixed.\n"
    )


def _spread(of_arm: pd.DataFrame) -> dict[str, object]:
    counted = {"models": "model", "benchmarks": "benchmark", "seeds": "seed"}
    counts = {name: of_arm[column].nunique() for name, column in counted.items()}
    means = of_arm.groupby(["model", "benchmark"], as_index=False).gain.mean()
    return counts | {
        "gains": len(of_arm),
        "mean": of_arm.gain.mean(),
        "smallest": of_arm.gain.min(),
        "largest": of_arm.gain.max(),
        "sd_benchmarks": _deviation(means, ["model"]),
        "sd_models": _deviation(means, ["benchmark"]),
        "sd_seeds": _deviation(of_arm, ["model", "benchmark"]),
    }


def _deviation(values: pd.DataFrame, groups: list[str]) -> float:
    """The root of the mean variance of gains within groups; NaN where no group has two."""
    return math.sqrt(values.groupby(groups).gain.var(ddof=1).mean())

"""Write a model card, in the format of Hugging Face's hub, for each trained arm of a study.

    python -m safelrm card                                          every trained arm
    python -m safelrm card --model nano_a --arm rl-grpo --license apache-2.0

A card is `results/<study>/cards/<model>/<arm>.md`, the `README.md` of an upload. It has the arm's numbers with their
intervals, what it was trained on, and what its numbers do not say. It is made from the metrics and the configuration
alone, and has no texts of prompts or models. Without results of the study, it is made from the published ones. No
target needs cards: they belong to weights that somebody uploads.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from huggingface_hub import EvalResult, ModelCardData

from safelrm.analysis.layout import NONE, in_order, interval_text, markdown_table, method
from safelrm.analysis.schemas import ALL, METRICS, WHOLE
from safelrm.analysis.settings import ModelModes
from safelrm.core.arms import FROM, intervention_of, plain_arm
from safelrm.core.cli import run
from safelrm.core.errors import SafeLRMError
from safelrm.core.files import write_text
from safelrm.core.settings import Strict
from safelrm.dag.command import configured_parser, plan_of
from safelrm.dag.protocol import protocol
from safelrm.dag.settings import Study
from safelrm.operations.record import without_secrets

TASK = "text-generation"
# of the hub: a license that its list does not have
UNSTATED = "other"
# what recipes call the guards that reward, and those that reward or probe
READ = ("guards", "read_guards")
TABLE_HEAD = ("metric", "benchmark", "part", "mode", "value", "interval", "scored", "unscored", "judge")


def trained_arms(study: Study) -> dict[tuple[str, str], list[int]]:
    """The seeds of each trained model of a study, by model and arm. An intervention trains none of its own."""
    arms = [arm for arm in study.arms if method(arm.name) != "base" and intervention_of(arm.name) is None]
    return {(arm.model, arm.name): sorted(arm.seeds) for arm in arms}


def card(study: Study, metrics: pd.DataFrame, model: str, arm: str, license_id: str = UNSTATED) -> str:
    """The card of a trained arm, as Markdown below YAML.

    Args:
        study: the study.
        metrics: the table METRICS.
        model: a key of `models`.
        arm: name of an arm.
        license_id: the license, as the hub names it.
    """
    modes = [ModelModes(name=name, decodings=[*study.models[name].decodings]) for name in study.compared_models()]
    rows = metrics[(metrics.model == model) & (metrics.arm == arm) & (metrics.category == ALL)]
    rows = in_order(rows, modes)
    hub = study.models[model].hub
    data = ModelCardData(
        license=license_id,
        base_model=hub.repo if hub else None,
        datasets=sorted({repo for name in training_sets(study, arm) if (repo := hub_of(study, name))}) or None,
        library_name="transformers",
        pipeline_tag=TASK,
        tags=["safelrm", "safety", "reasoning", *dict.fromkeys(name for name, _ in steps(arm))],
        model_name=f"{model} {arm}",
        eval_results=[_result(row, study) for row in rows.itertuples() if pd.notna(row.value)] or None,
    )
    sections = {
        "": f"# {model} {arm}\n\n{_summary(study, model, arm, license_id)}",
        "Numbers": f"{_numbers(rows)}\n{_reading(study, len(trained_arms(study)[model, arm]))}",
        "Limits": "\n".join(f"- {line}" for line in limits(study, model, arm)),
        "Training": "\n\n".join(_settings(title, found) for title, found in recipes(study, arm).items()),
    }
    text = "\n\n".join(f"## {title}\n\n{body}" if title else body for title, body in sections.items())
    return f"---\n{data.to_yaml()}\n---\n\n{text}\n"


def steps(arm: str) -> list[tuple[str, str]]:
    """Method and recipe of each training behind an arm, the first one first."""
    return [(part.partition("-")[0], part.partition("-")[2]) for part in reversed(plain_arm(arm).split(FROM))]


def recipes(study: Study, arm: str) -> dict[str, Strict]:
    """The settings behind an arm by what they are: those of each training, and of what it chose its data from."""
    found: dict[str, Strict] = {}
    for step, recipe in steps(arm):
        settings = getattr(study, step)[recipe]
        if name := getattr(settings, "candidates", None):
            found[f"candidates `{name}`"] = study.candidates[name]
        for name in (one for one in getattr(settings, "datasets", ()) if one in study.selections):
            selection = study.selections[name]
            found[f"distillation `{selection.distillation}`"] = study.distillations[selection.distillation]
            found[f"selection `{name}`"] = selection
        found[f"{step.upper()}, recipe `{recipe}`"] = settings
    return found


def training_sets(study: Study, arm: str) -> list[str]:
    """The data sets that the recipes behind an arm name, in order, without those that only probe it."""
    settings = [recipe.model_dump(exclude={"probe"}) for recipe in recipes(study, arm).values()]
    return list(dict.fromkeys(name for name in _texts(settings) if name in study.datasets))


def hub_of(study: Study, dataset: str) -> str | None:
    """The repository of a hub that a data set is from."""
    found = study.datasets[dataset].settings.get("hub")
    return str(found) if found else None


def limits(study: Study, model: str, arm: str) -> Iterator[str]:
    """What the numbers of a card do not say."""
    if factory := study.models[model].factory:
        yield (
            f"The base was trained from scratch for this study (`{factory}`). The numbers are no evidence about other"
            " models, such as one with 7 billion parameters."
        )
    if study.use == "tune":
        yield "Settings were chosen by these numbers, so they are no results."
    if len(trained_arms(study)[model, arm]) == 1:
        yield "The model was trained once. The intervals do not say what another training would give."
    found = recipes(study, arm).values()
    if guards := sorted({name for recipe in found for key in READ for name in getattr(recipe, key, ())}):
        yield f"The reward or probes asked {_codes(guards)}. Other judges made the numbers."
    yield "Safety is what the named judges say of these benchmarks. It is no promise for other prompts."
    yield "A model that was trained to be safe can still give harmful answers. Test it for your use."


def _texts(value: object) -> Iterator[str]:
    """Every text in a setting, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _summary(study: Study, model: str, arm: str, license_id: str) -> str:
    entry = study.models[model]
    base = f"`{entry.hub.repo}`, revision `{entry.hub.revision}`" if entry.hub else f"`{model}` of the study"
    seeds = trained_arms(study)[model, arm]
    lines = [
        f"Base: {base}.",
        f"Trained by {', then '.join(f'{name.upper()} (recipe `{recipe}`)' for name, recipe in steps(arm))}, with the"
        f" {'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}; one model for each seed.",
        f"Data sets: {_codes(training_sets(study, arm)) or 'none of its own'}.",
        f"Study: `{study.name}` of SafeLRM.",
    ]
    if license_id == UNSTATED:
        lines.append("License: not stated. The terms of the base and of the data hold.")
    return "\n".join(f"- {line}" for line in lines)


def _numbers(rows: pd.DataFrame) -> str:
    return markdown_table(TABLE_HEAD, (_cells(row) for row in rows.itertuples()))


def _cells(row: tuple) -> Sequence[str]:
    value = NONE if pd.isna(row.value) else f"{row.value:.3f}"
    interval = NONE if pd.isna(row.low) else interval_text(row.low, row.high)
    judge = NONE if row.judge == WHOLE else f"`{row.judge}`"
    numbers = (value, interval, str(row.n), str(row.unscored))
    return [row.metric.replace("_", "-"), f"`{row.benchmark}`", row.part, row.decoding, *numbers, judge]


def _reading(study: Study, seeds: int) -> str:
    level = 100 * study.metrics.confidence if study.metrics else 0.0
    trainings = "one training" if seeds == 1 else f"{seeds} trainings"
    return (
        f"Each value is over {trainings}. Intervals are of {level:g} %, for new prompts and, with several trainings,"
        " new seeds. Samples that could not be scored count for nothing. Parts: t is the trace, y the answer, t+y both."
        f" A value of fewer than 30 scored samples is not shown.\n\n{protocol(study)}"
    )


def _settings(title: str, recipe: Strict) -> str:
    settings = without_secrets(recipe.model_dump(mode="json"))
    # no line of JSON can close the block: the texts in it have no line breaks
    return f"{title[0].upper()}{title[1:]}:\n\n```json\n{json.dumps(settings, indent=2, sort_keys=True)}\n```"


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _result(row: tuple, study: Study) -> EvalResult:
    """One number, as the hub's index of models has it."""
    (dataset,) = {entry.dataset for entry in study.benchmarks if entry.name == row.benchmark}
    numbers = {key: round(value, 6) for key in ("low", "high") if pd.notna(value := getattr(row, key))}
    counts = {key: int(getattr(row, key)) for key in ("n", "unscored", "seeds")}
    said = {"part": row.part, "decoding": row.decoding, "judge": row.judge}
    return EvalResult(
        task_type=TASK,
        dataset_type=hub_of(study, dataset) or row.benchmark,
        dataset_name=row.benchmark,
        dataset_config=row.benchmark,
        metric_type=row.metric,
        metric_name=" ".join(word for word in (row.metric, row.part, row.decoding) if word != WHOLE),
        metric_value=round(row.value, 6),
        metric_args=said | numbers | counts,
    )


def main() -> None:
    """Run the command."""
    parser = configured_parser(__doc__)
    parser.add_argument("--model", help="a model of the study; every one")
    parser.add_argument("--arm", help="a trained arm; every one")
    parser.add_argument("--license", default=UNSTATED, help=f"license of the model, as the hub names it; {UNSTATED}")
    options = parser.parse_args()
    study = plan_of(options).study
    chosen = [
        (model, arm)
        for model, arm in trained_arms(study)
        if options.model in (None, model) and options.arm in (None, arm)
    ]
    if not chosen:
        known = sorted({f"{model} {arm}" for model, arm in trained_arms(study)})
        raise SafeLRMError("the study has no such trained arm", file="--arm", fix=f"choose of {known}")
    live, published = Path("results", study.name), Path("results/published", study.name)
    metrics = METRICS.read((live if (live / "metrics.parquet").is_file() else published) / "metrics.parquet")
    for model, arm in chosen:
        file = live / "cards" / model / f"{arm}.md"
        write_text(file, card(study, metrics, model, arm, options.license))
        print(file)


if __name__ == "__main__":
    run(main)

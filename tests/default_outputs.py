"""The outputs of the default study, by what they follow from."""

RESULTS = "results/nano"
SEEDS = ("seed1", "seed2", "seed3")
MODELS = ("nano_a", "nano_b", "nano_i")
FAMILIES = MODELS[:2]
JUDGES = ("guard_a", "guard_b", "oracle", "help", "refusal", "exact")
ASKING_GUARDS = ("guard_a", "guard_b")
SAFETY_JUDGES = (*ASKING_GUARDS, "oracle")


def runs(arm, models=FAMILIES):
    # a base answers once
    seeds = SEEDS[:1] if arm == "base" else SEEDS
    return {f"{model}/{arm}/{seed}" for model in models for seed in seeds}


STAR1, DISTILLATION, RL = runs("sft-star1"), runs("sft-distillation"), runs("rl-grpo")
SFT = STAR1 | DISTILLATION | runs("sft-matched_a") | runs("sft-matched_b")
TRAINED = SFT | RL
RUNS = runs("base", MODELS) | TRAINED

FIGURES = {
    f"{RESULTS}/figures/{name}.svg" for name in ("safety_gap", "trace_vs_answer", "thinking", "sft_gain", "tradeoff")
}
CELLS = {f"{RESULTS}/tables/{name}.csv" for name in ("summary", "safety_by_category", "decodings")}
OF_SEEDS, OF_DIFFERENCES = {f"{RESULTS}/tables/consistency.csv"}, {f"{RESULTS}/tables/power.csv"}
COLLAPSE = {f"{RESULTS}/tables/collapse.csv"}
MEASURES = {f"{RESULTS}/tables/measures.csv"} | COLLAPSE
TABLES = CELLS | OF_SEEDS | OF_DIFFERENCES | MEASURES
ANALYSES = ("lengths", "states", "base_likelihood")
DIFFERENCES = {f"{RESULTS}/differences.parquet"}
CALIBRATION = {f"{RESULTS}/calibration.parquet"}
VALIDATION = {f"{RESULTS}/validation/refusals.csv"}
AUDIT = {f"{RESULTS}/audit/overlap.csv"}
AFTER_METRICS = CELLS | OF_SEEDS | OF_DIFFERENCES | COLLAPSE | FIGURES
AFTER_VERDICTS = {f"{RESULTS}/metrics.parquet", f"{RESULTS}/seeds.parquet"} | DIFFERENCES | AFTER_METRICS


def verdicts(judges=JUDGES, models=MODELS):
    return {f"{RESULTS}/verdicts/{judge}/{model}.parquet" for judge in judges for model in models}


def rollouts(of=RUNS):
    return {f"rollouts/{run}.parquet" for run in of}


def checkpoints(of):
    """What makes a model leaves; a training of an arm leaves what its policy has answered to probes, too."""
    made = set(of)
    probed = {f"results/probes/{run}.parquet" for run in made if "/sft-" in run or "/rl-" in run}
    return {f"checkpoints/{run}/manifest.json" for run in made} | probed


def analyses(names=ANALYSES, models=MODELS):
    """What trace analyses measure of models, and what follows from it."""
    measured = {f"{RESULTS}/analyses/{name}/{model}.parquet" for name in names for model in models}
    return measured | {f"{RESULTS}/measures.parquet"} | MEASURES


def bases(models=MODELS):
    return checkpoints(f"{model}/base/seed0" for model in models)


def guards(names=ASKING_GUARDS):
    return checkpoints(f"guards/{name}" for name in names)


def after(of):
    """All that follows from new checkpoints of the given runs."""
    models = {run.partition("/")[0] for run in of}
    new = {f"{RESULTS}/samples.parquet"} | CALIBRATION | VALIDATION | AFTER_VERDICTS
    return rollouts(of) | verdicts(models=models) | analyses(models=models) | new

"""Plans of a study whose models and data sets come from a hub: made offline, and as small as the edit."""

import re

import pytest

from workflow_runs import copy_of_checkout, planned, pretend_finished, snakemake

pytestmark = pytest.mark.dag

ONE_GPU = "experiments/one_gpu.yaml"
NOWHERE = {"HF_ENDPOINT": "http://127.0.0.1:9"}
COMMIT = "0123456789abcdef" * 2 + "01234567"
RESULTS = "results/one_gpu"


@pytest.mark.parametrize(
    ("preset", "models"), [("one_gpu", 4), ("gpu_24gb", 2), ("beyond_sft", 4), ("lrm_safety_study", 5)]
)
def test_a_preset_is_planned_offline_with_nothing_fetched(preset, models, tmp_path):
    checkout = copy_of_checkout(tmp_path / "safelrm")
    said = snakemake(checkout, "-n", "--quiet", "rules", "--configfile", f"experiments/{preset}.yaml", **NOWHERE)
    table = (said.stdout + said.stderr).partition("Job stats:")[2]
    counts = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
    assert counts["fetch_model"] == models + 3
    assert counts["fetch_dataset"] == counts["curate"] >= 8
    assert counts["base"] == models and counts["guard"] == 3
    assert not (checkout / "hub").exists()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A checkout in which one_gpu seems to have run."""
    folder = copy_of_checkout(tmp_path_factory.mktemp("hub") / "safelrm")
    preset = folder / ONE_GPU
    # of the environment at hand, or Snakemake would not start
    preset.write_text(preset.read_text().replace("lock: envs/gpu.txt", "lock: envs/cpu-vllm.txt"))
    pretend_finished(folder, "--configfile", ONE_GPU)
    return folder


def plan_after(checkout, key: str, old: str, new: str) -> set[str]:
    """What an edit below a key of the configuration makes Snakemake plan."""
    path = checkout / ONE_GPU
    text = path.read_text()
    edited = re.sub(rf"(^  {key}:.*?){old}", rf"\g<1>{new}", text, count=1, flags=re.MULTILINE | re.DOTALL)
    assert edited != text
    path.write_text(edited)
    try:
        return planned(checkout, "--configfile", ONE_GPU)
    finally:
        path.write_text(text)


def after_rollouts(model: str) -> set[str]:
    judges = ("llama_guard", "granite_guardian", "qwen3guard", "refusal", "exact")
    verdicts = {f"{RESULTS}/verdicts/{judge}/{model}.parquet" for judge in judges}
    return verdicts | {f"{RESULTS}/validation/refusals.csv"} | AFTER_VERDICTS


def of_trainings(runs: list[str]) -> set[str]:
    """What is planned beside the checkpoints of runs that are trained again."""
    return {*(f"results/probes/{run}.parquet" for run in runs), f"{RESULTS}/tables/compute.csv"}


OF_EVERY_STUDY = ("summary", "safety_by_category", "decodings", "consistency", "power")
AFTER_VERDICTS = {
    *(f"{RESULTS}/{name}.parquet" for name in ("samples", "metrics", "seeds", "differences", "calibration")),
    *(f"{RESULTS}/tables/{name}.csv" for name in OF_EVERY_STUDY),
    *(
        f"{RESULTS}/figures/{name}.svg"
        for name in ("safety_gap", "trace_vs_answer", "thinking", "sft_gain", "tradeoff")
    ),
}
MODEL, ARMS = "qwen3_0_6b", ("sft-star1", "sft-lrm_safety_study", "rl-grpo")
TRAINED = (MODEL, "qwen3_1_7b", "r1_distill_qwen_1_5b")


def test_another_revision_of_a_model_is_fetched_and_what_depends_on_it_made_anew(finished):
    plan = plan_after(finished, MODEL, "revision: null", f"revision: {COMMIT}")
    trained = [f"{MODEL}/{arm}/seed{seed}" for arm in ARMS for seed in (1, 2, 3)]
    assert plan == {
        "hub/models/Qwen--Qwen3-0.6B/manifest.json",
        *(f"checkpoints/{run}/manifest.json" for run in (f"{MODEL}/base/seed0", *trained)),
        *of_trainings(trained),
        *(f"rollouts/{run}.parquet" for run in (*(f"{MODEL}/base/seed{seed}" for seed in (1, 2, 3)), *trained)),
        *after_rollouts(MODEL),
    }


def test_another_revision_of_a_guard_is_fetched_and_judges_anew(finished):
    plan = plan_after(finished, "llama_guard", "revision: null", f"revision: {COMMIT}")
    models = (*TRAINED, "qwen2_5_1_5b_instruct")
    assert plan == {
        "hub/models/meta-llama--Llama-Guard-3-8B/manifest.json",
        "checkpoints/guards/llama_guard/manifest.json",
        *(f"{RESULTS}/verdicts/llama_guard/{model}.parquet" for model in models),
        *(AFTER_VERDICTS - {f"{RESULTS}/samples.parquet"}),
    }


def test_another_revision_of_training_data_is_fetched_and_trained_on(finished):
    plan = plan_after(finished, "lrm_safety_study", "revision: null", f"revision: {COMMIT}")
    runs = [f"{m}/sft-lrm_safety_study/seed{s}" for m in TRAINED for s in (1, 2, 3)]
    assert plan == {
        "hub/datasets/lrm_safety_study/rows.jsonl",
        "hub/datasets/lrm_safety_study/manifest.json",
        "data/lrm_safety_study.parquet",
        *(f"{RESULTS}/audit/{name}.csv" for name in ("overlap", "rows")),
        *(f"checkpoints/{run}/manifest.json" for run in runs),
        *of_trainings(runs),
        *(f"rollouts/{run}.parquet" for run in runs),
        *(name for model in TRAINED for name in after_rollouts(model)),
    }


def test_code_that_fetches_is_no_reason_to_fetch_again(finished):
    paths = [finished / "workflow/safelrm" / name for name in ("models/fetch.py", "models/online.py")]
    texts = [path.read_text() for path in paths]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(f"{text}\nassert True\n")
    try:
        assert planned(finished, "--configfile", ONE_GPU) == set()
    finally:
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)

"""The presets of real models are whole studies by themselves, and fair ones."""

from pathlib import Path

import pytest
import yaml

from safelrm.dag.costs.resources import Costs
from safelrm.dag.plan import Plan
from safelrm.dag.study import load_study
from safelrm.judging.fields import judge_of
from safelrm.operations.revisions import find_blanks

EXPERIMENTS = Path(__file__).parents[3] / "experiments"


@pytest.fixture(scope="module", params=["one_gpu", "gpu_24gb", "beyond_sft", "lrm_safety_study"])
def file(request) -> Path:
    return EXPERIMENTS / f"{request.param}.yaml"


@pytest.fixture(scope="module")
def study(file):
    return load_study(yaml.safe_load(file.read_text()), file.name)


@pytest.fixture(scope="module")
def costs(study) -> Costs:
    """What its jobs need. Making it finds out whether every model fits."""
    return Costs(study)


def test_a_preset_loads_by_itself(file, study):
    assert study.name == file.stem
    assert study.lock == "envs/gpu.txt"
    assert {arm.method for arm in study.arms} == {"base", "sft", "dpo", "rl"}
    # both methods on their own, and RL after SFT, of the same models; some also with RL's prompts and reward otherwise
    reinforced = {
        start: {arm.model for arm in study.arms if arm.method == "rl" and arm.start == start}
        for start in {arm.start for arm in study.arms if arm.method == "rl"}
    }
    tuned = {arm.model for arm in study.arms if arm.method == "sft"}
    assert len(reinforced) >= 2 and reinforced[None] <= tuned
    assert all(models <= tuned for models in reinforced.values())
    assert all(len(arm.seeds) == 3 for arm in study.arms)
    assert {arm.model for arm in study.arms if arm.method == "base"} == set(study.models)


def test_everything_is_taken_from_the_hub_and_every_revision_is_open(file, study):
    assert all(entry.hub for entry in [*study.models.values(), *study.guards.values()])
    fetched = Plan(study).fetching.manifests()
    models = {entry.hub.repo for entry in [*study.models.values(), *study.guards.values()]}
    assert len(fetched) == len(models) + len(study.datasets)
    keys = {blank.key for blank in find_blanks(file.read_text())}
    assert {key.split(".")[1] for key in keys} <= {*study.models, *study.guards, *study.datasets}
    assert len(keys) == file.read_text().count("revision: null") >= len(models)


def test_what_models_are_trained_on_is_no_benchmark_and_is_audited(study):
    prompts = {share.dataset for recipe in study.rl.values() for share in recipe.prompts}
    # rejection sampling and DPO have the prompts and the reward of RL
    assert {name for recipe in study.candidates.values() for name in recipe.prompts} == prompts
    assert [recipe.rewards for recipe in study.candidates.values()] == [study.rl["grpo"].rewards]
    trained = {name for recipe in study.sft.values() for name in recipe.datasets} | prompts
    asked = [entry.dataset for entry in study.benchmarks]
    assert not trained & set(asked)
    assert set(study.audit.train) == trained
    assert set(study.audit.evaluation) == set(asked)
    places = [(entry.settings["hub"], entry.settings["split"]) for entry in map(study.datasets.get, asked)]
    assert not {(study.datasets[name].settings["hub"], study.datasets[name].settings["split"]) for name in trained} & {
        *places
    }


def test_what_rewards_does_not_make_the_tables(study):
    rewarding = {guard for recipe in study.rl.values() for guard in recipe.guards}
    for reference in (study.metrics.safety_judge, study.metrics.refusal_judge):
        judge = study.judges[judge_of(reference)]
        assert judge.guard is not None and judge.guard not in rewarding


def test_models_that_are_trained_can_be(study):
    trained = {arm.model for arm in study.arms if arm.method == "sft"}
    assert all(study.models[name].settings["chat_template"] == "trainable" for name in trained)
    assert study.metrics.reference_model not in trained
    for model in study.models.values():
        size = model.hub.shape
        embeddings = size.vocabulary * size.hidden_size
        assert embeddings < size.parameters and (size.active_parameters or 0) < size.parameters


def test_a_model_of_a_hub_is_copied_without_a_gpu(study, costs):
    for name, entry in study.models.items():
        job = costs.job("base", {"model": name})
        assert job.gpus == 0 and job.disk > 2 * entry.hub.shape.parameters
    for name in study.guards:
        assert costs.job("guard", {"guard": name}).gpus == 0


def test_completions_fit_what_reads_them(study):
    longest, limits = study.rollouts.max_model_length, {}
    for entry in study.benchmarks:
        kind = study.datasets[entry.dataset].settings["kind"]
        limits.setdefault(kind == "reasoning", []).append(entry.max_tokens or study.rollouts.max_tokens)
    room = longest - max(max(asked) for asked in limits.values())
    assert room > 0
    # guards read no problems
    assert all(guard.reading.max_length >= max(limits[False]) + room for guard in study.guards.values())
    for recipe in study.rl.values():
        assert recipe.max_completion_tokens < recipe.vllm.max_model_length
        sampled = study.candidates["eight"]
        assert sampled.max_tokens == recipe.max_completion_tokens
        assert sampled.temperature == recipe.temperature
        assert {study.sft["best_of_8"].max_length, study.dpo["pairs"].max_length} == {sampled.max_model_length}


def test_one_gpu_of_24_gb_is_enough():
    study = load_study(yaml.safe_load((EXPERIMENTS / "gpu_24gb.yaml").read_text()), "gpu_24gb.yaml")
    costs, gpu = Costs(study), study.execution.gpu
    assert (gpu.memory_gib, study.execution.gpus_per_node, study.execution.nodes) == (24.0, 1, 1)
    trained = [arm for arm in study.arms if arm.method != "base"]
    jobs = [costs.job(arm.method, {"model": arm.model, "recipe": arm.recipe, "arm": arm.name}) for arm in trained]
    asked = [costs.job("judge", {"judge": judge, "model": model}) for judge in study.judges for model in study.models]
    assert jobs and all(job.gpus == 1 for job in jobs)
    assert all(job.gpus <= 1 and job.gpu_bytes <= 0.9 * 24 * 2**30 for job in [*jobs, *asked])
    assert all(recipe.lora and recipe.precision == "bfloat16" for recipe in [*study.sft.values(), *study.rl.values()])
    assert all(recipe.vllm for recipe in study.rl.values())

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


@pytest.fixture(params=["one_gpu", "beyond_sft"])
def file(request) -> Path:
    return EXPERIMENTS / f"{request.param}.yaml"


@pytest.fixture
def study(file):
    return load_study(yaml.safe_load(file.read_text()), file.name)


def test_a_preset_loads_by_itself(file, study):
    assert study.name == file.stem
    assert study.lock == "envs/gpu.txt"
    assert {arm.method for arm in study.arms} == {"base", "sft", "rl"}
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
    recipes = [*study.sft.values()]
    prompts = {share.dataset for recipe in study.rl.values() for share in recipe.prompts}
    trained = {recipe.dataset for recipe in recipes} | prompts
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


def test_a_model_of_a_hub_is_copied_without_a_gpu(study):
    costs = Costs(study)
    for name, entry in study.models.items():
        job = costs.job("base", {"model": name})
        assert job.gpus == 0 and job.disk > 2 * entry.hub.shape.parameters
    for name in study.guards:
        assert costs.job("guard", {"guard": name}).gpus == 0


def test_completions_fit_what_reads_them(study):
    longest = study.rollouts.max_model_length
    assert study.rollouts.max_tokens < longest
    assert all(guard.reading.max_length >= longest for guard in study.guards.values())
    for recipe in study.rl.values():
        assert recipe.max_completion_tokens < recipe.vllm.max_model_length

"""Estimates grow with what they depend on, and fit what was measured."""

import pytest
from costs_fixtures import H100, MEASURED, SEVEN, costs, default_config, job, large
from hypothesis import given
from hypothesis import strategies as st

from safelrm.dag.costs import sizes
from safelrm.dag.costs.engines import EngineCosts
from safelrm.dag.costs.hardware import CPU, GIB, gpu
from safelrm.dag.costs.sizes import KNOWN, UNKNOWN
from safelrm.dag.schema import registered
from safelrm.dag.settings import DatasetEntry, ExecutionSettings
from safelrm.dag.study import load_study
from safelrm.nano.pretraining.models import new_model
from safelrm.nano.settings import VOCABULARY, Architecture
from safelrm.nano.world.tokenizer import build_tokenizer
from safelrm.training.settings import TrainingSettings


@pytest.fixture
def config() -> dict:
    return default_config()


@pytest.mark.parametrize("rule", MEASURED)
def test_the_default_study_is_predicted_within_a_factor_of_two(config, rule):
    assert MEASURED[rule] / 2 < job(config, rule).seconds < MEASURED[rule] * 2


@pytest.mark.parametrize(
    ("rule", "path", "value"),
    [
        ("base", ("models", "nano_a", "settings", "architecture"), {"layers": 4}),
        ("base", ("models", "nano_a", "settings", "probe", "passes"), 9),
        ("guard", ("guards", "guard_a", "settings", "facts", "batch_size"), 64),
        ("sft", ("sft", "star1", "epochs"), 20),
        ("sft", ("datasets", "star1", "settings", "size"), 400),
        ("sft", ("models", "nano_a", "settings", "architecture"), {"layers": 4}),
        ("rl", ("rl", "grpo", "steps"), 160),
        ("rl", ("rl", "grpo", "group_size"), 16),
        ("rl", ("rl", "grpo", "max_completion_tokens"), 90),
        ("rl", ("rl", "grpo", "kl_coefficient"), 0.1),
        ("rollouts", ("rollouts", "samples"), 4),
        ("rollouts", ("datasets", "dial_longer", "settings", "size"), 900),
        ("judge", ("rollouts", "samples"), 4),
        ("judge", ("guards", "guard_b", "settings", "architecture"), {"layers": 4}),
    ],
)
def test_more_work_takes_longer(config, rule, path, value):
    before = job(config, rule).seconds
    *parents, last = path
    section = config
    for key in parents:
        section = section.setdefault(key, {})
    section[last] = value
    assert job(config, rule).seconds > before


@given(st.floats(1e8, 1e11), st.floats(1.01, 10.0), st.floats(1e3, 1e8), st.sampled_from([1, 2, 8]))
def test_time_and_memory_grow_with_parameters_and_tokens(parameters, factor, tokens, gpus):
    processor = gpu(ExecutionSettings.model_validate({"gpu": H100}))
    small = SEVEN.model_copy(update={"parameters": parameters})
    big = SEVEN.model_copy(update={"parameters": parameters * factor})
    settings = TrainingSettings(precision="bfloat16")

    def seconds(size, tokens):
        return (
            processor.training_seconds(size, tokens, 0.0, settings, gpus),
            processor.forward_seconds(size, tokens, float32=False, gpus=gpus),
            processor.generating_seconds(size, 100.0, 50.0, tokens, running=64.0, float32=False, gpus=gpus),
        )

    def memory(size, tokens):
        return (
            processor.training_bytes(size, tokens, settings, gpus),
            processor.engine_bytes(size, tokens, float32=False, gpus=gpus),
        )

    assert all(less < more for less, more in zip(seconds(small, tokens), seconds(big, tokens), strict=True))
    assert all(less < more for less, more in zip(seconds(big, tokens), seconds(big, tokens * factor), strict=True))
    assert all(less < more for less, more in zip(memory(small, tokens), memory(big, tokens), strict=True))
    assert all(less < more for less, more in zip(memory(big, tokens), memory(big, tokens * factor), strict=True))


def test_training_holds_weights_gradients_and_moments_in_float32():
    processor = gpu(ExecutionSettings.model_validate({"gpu": H100}))
    used = processor.training_bytes(SEVEN, 0.0, TrainingSettings(), 1) - processor.overhead
    assert used == 16 * SEVEN.parameters
    assert processor.training_bytes(SEVEN, 0.0, TrainingSettings(), 8) - processor.overhead == used / 8


def test_active_parameters_set_the_time_and_all_of_them_the_memory():
    mixture = SEVEN.model_copy(update={"active_parameters": 1e9})
    settings = TrainingSettings()
    assert CPU.training_seconds(mixture, 1e6, 1.0, settings, 1) < CPU.training_seconds(SEVEN, 1e6, 1.0, settings, 1)
    assert CPU.training_bytes(mixture, 1.0, settings, 1) == CPU.training_bytes(SEVEN, 1.0, settings, 1)


def test_all_rollouts_fit_into_memory(config):
    before = costs(config)
    config["rollouts"]["samples"] = 50
    after = costs(config)
    for rule in ("samples", "metrics", "compare", "calibrate"):
        assert after.job(rule, {}).host > 2 * before.job(rule, {}).host
    assert after.job("table", {}) == before.job("table", {})


def test_a_model_of_a_hub_is_as_large_as_its_shape_says(config):
    hub = {"repo": "owner/model", "revision": "0" * 40, "shape": SEVEN.model_dump()}
    config["models"]["nano_a"] = {"hub": hub}
    config["guards"]["guard_a"] = {
        "hub": hub | {"repo": "owner/guard"},
        "reading": config["guards"]["guard_a"]["reading"],
    }
    for rule in ("base", "guard", "fetch_model"):
        repos = ("owner--model", "owner--guard") if rule == "fetch_model" else (None,)
        for repo in repos:
            needed = job(config, rule, **({"repo": repo} if repo else {}))
            assert needed.gpus == 0
            assert 2 * SEVEN.parameters < needed.disk < 2.1 * SEVEN.parameters
    assert job(config, "judge").host < 4 * GIB
    assert job(config, "judge", judge="guard_a").host > 15 * GIB


def test_a_guard_in_bfloat16_takes_less_of_rl(config, monkeypatch):
    config = large(config, monkeypatch)
    config["rl"]["grpo"]["guard_dtype"] = "float32"
    before = job(config, "rl")
    config["rl"]["grpo"]["guard_dtype"] = "bfloat16"
    after = job(config, "rl")
    assert after.seconds < before.seconds
    assert after.gpu_bytes < before.gpu_bytes


def test_samples_hold_the_texts_of_one_run_at_a_time(config):
    rows, tokens = EngineCosts(load_study(config, "config.yaml")).all_rollouts()
    for arm in config["arms"]:
        arm["seeds"] = [*arm["seeds"], 11, 12]
    more_rows, as_many_tokens = EngineCosts(load_study(config, "config.yaml")).all_rollouts()
    assert more_rows > rows
    assert as_many_tokens == tokens


def test_the_size_of_a_nano_model_is_that_of_its_architecture():
    tokenizer = build_tokenizer("family_a")
    assert len(tokenizer) == VOCABULARY
    for settings in ({}, {"kind": "granite"}, {"layers": 3, "hidden_size": 64, "heads": 4, "kv_heads": 2}):
        architecture = Architecture.model_validate(settings)
        made = new_model(architecture, tokenizer)
        assert architecture.shape.parameters == pytest.approx(made.num_parameters(), rel=0.01)


def test_every_source_has_its_row_counts():
    offered = {name for name, _ in registered() if ".sources." in name}
    assert offered - set(KNOWN) == set()
    assert sizes.texts(DatasetEntry(source="safelrm.data.sources.not_known")) == UNKNOWN


@pytest.mark.parametrize(
    ("source", "settings", "rows"),
    [
        ("nano.sources.requests", {"kind": "harmful", "split": "train", "size": 70, "seed": 1}, 70),
        ("data.sources.xstest", {"labels": ["safe"]}, 250),
        ("data.sources.harmbench", {"functions": ["standard", "contextual"]}, 300),
        ("data.sources.math500", {}, 500),
        ("data.sources.dolly", {"size": 300, "seed": 1}, 300),
    ],
)
def test_the_size_of_a_data_set_is_read_from_its_settings(source, settings, rows):
    assert sizes.texts(DatasetEntry(source=f"safelrm.{source}", settings=settings)).rows == rows

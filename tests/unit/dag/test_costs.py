"""Estimates grow with what they depend on, and fit what was measured."""

import shutil

import pytest
from costs_fixtures import H100, MEASURED, MEASURED_JUDGE, MEASURED_SMALL, SEVEN, costs, default_config, job, large
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import write_tiny_model

from safelrm.core.errors import SafeLRMError
from safelrm.dag.costs.processors import CPU, GIB, SMALL_DISK, Batches, processor
from safelrm.dag.costs.sizes import GUESSED_PROMPT_TOKENS, GUESSED_ROWS, SizedModel, Texts, expected_texts, sized_model
from safelrm.dag.costs.small import SMALL
from safelrm.dag.entries import DatasetEntry
from safelrm.dag.execution import ExecutionSettings
from safelrm.dag.study import load_study
from safelrm.nano.pretraining.models import new_model
from safelrm.nano.settings import VOCABULARY, Architecture
from safelrm.nano.world.tokenizer import build_tokenizer
from safelrm.training.settings import TrainingSettings


@pytest.fixture
def config() -> dict:
    return default_config()


def model(**changes: float) -> SizedModel:
    """A model of seven billion parameters, but for these changes."""
    return SizedModel("large", SEVEN.model_copy(update=changes), 2 * SEVEN.parameters)


@pytest.mark.parametrize("rule", MEASURED)
def test_the_default_study_is_predicted_within_a_factor_of_two(config, rule):
    assert MEASURED[rule] / 2 < job(config, rule).seconds < MEASURED[rule] * 2


@pytest.mark.parametrize("rule", MEASURED_SMALL)
def test_jobs_without_a_model_are_predicted_within_a_factor_of_two(rule):
    assert MEASURED_SMALL[rule] / 2 < SMALL[rule] < MEASURED_SMALL[rule] * 2


def test_judges_of_the_default_study_are_predicted_within_a_factor_of_two(config):
    jobs = [(judge, model) for judge in config["judges"] for model in config["models"]]
    known = costs(config)
    mean = sum(known.job("judge", {"judge": judge, "model": model}).seconds for judge, model in jobs) / len(jobs)
    assert MEASURED_JUDGE / 2 < mean < MEASURED_JUDGE * 2


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
        ("rl", ("rl", "grpo", "prompt_filter"), {"samples": 8}),
        ("rl", ("rl", "grpo", "group_size"), 16),
        ("rl", ("rl", "grpo", "max_completion_tokens"), 90),
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
    on = processor(ExecutionSettings.model_validate({"gpu": H100}))
    small = model(parameters=parameters)
    big = model(parameters=parameters * factor)
    settings = TrainingSettings(precision="bfloat16")

    def seconds(size, tokens):
        return (
            on.training_seconds(size, Batches(0.0, tokens, 1.0, passes=8), settings, gpus),
            on.forward_seconds(size, tokens, "bfloat16", gpus),
            on.generating_seconds(size, Texts(100.0, 50.0, tokens), "bfloat16", gpus),
        )

    def memory(size, tokens):
        return (
            on.training_bytes(size, tokens, settings, gpus),
            on.engine_bytes(size, tokens, "bfloat16", gpus),
        )

    assert all(less < more for less, more in zip(seconds(small, tokens), seconds(big, tokens), strict=True))
    assert all(less < more for less, more in zip(seconds(big, tokens), seconds(big, tokens * factor), strict=True))
    assert all(less < more for less, more in zip(memory(small, tokens), memory(big, tokens), strict=True))
    assert all(less < more for less, more in zip(memory(big, tokens), memory(big, tokens * factor), strict=True))


def test_training_holds_weights_gradients_and_moments_in_float32():
    on = processor(ExecutionSettings.model_validate({"gpu": H100}))
    used = on.training_bytes(model(), 0.0, TrainingSettings(), 1) - on.overhead
    assert used == 16 * SEVEN.parameters
    assert on.training_bytes(model(), 0.0, TrainingSettings(), 8) - on.overhead == used / 8


def test_lora_trains_little_and_holds_the_rest_once():
    on = processor(ExecutionSettings.model_validate({"gpu": H100}))
    full, lora = TrainingSettings(), TrainingSettings.model_validate({"lora": {"rank": 16}})
    held = on.training_bytes(model(), 0.0, lora, 1) - on.overhead
    assert 4 * SEVEN.parameters < held < 4.2 * SEVEN.parameters
    # of a model with these sizes, the updates of all linear layers: 40.4 million at rank 16
    assert model().trained(lora.lora) == pytest.approx(40.4e6, rel=0.02)
    assert on.training_bytes(model(), 1e3, full, 1) - on.training_bytes(model(), 0.0, full, 1) == pytest.approx(
        on.training_bytes(model(), 1e3, lora, 1) - on.training_bytes(model(), 0.0, lora, 1)
    )
    batches = Batches(1.0, 1e6, 1e6)
    seconds = on.training_seconds(model(), batches, full, 1)
    assert on.training_seconds(model(), batches, lora, 1) == pytest.approx(seconds * 2 / 3)


def test_jobs_with_lora_need_less(config):
    config = large(config)
    config["rl"]["grpo"]["kl_coefficient"] = 0.1
    before = {rule: job(config, rule) for rule in ("sft", "rl")}
    for recipe in (config["sft"]["star1"], config["rl"]["grpo"]):
        recipe["lora"] = {"keep_adapter": True}
    after = {rule: job(config, rule) for rule in ("sft", "rl")}
    assert before["sft"].gpus > 1 and before["rl"].gpus > 1
    known, recipes = costs(config), {"sft": "star1", "rl": "grpo"}
    for rule, needed in after.items():
        assert needed.gpus == 1
        assert needed.scratch < before[rule].scratch / 50
        # rules of recipes that keep their adapter have the same estimate
        assert known.job(f"{rule}_adapter", {"model": "nano_a", "recipe": recipes[rule]}) == needed


def test_the_kl_term_takes_longer(config):
    with_kl = job(config, "rl").seconds
    config["rl"]["grpo"]["kl_coefficient"] = 0.0
    assert job(config, "rl").seconds < with_kl


def test_the_kl_term_needs_no_second_model_with_lora(config):
    config = large(config)
    config["rl"]["grpo"] |= {"lora": {}, "kl_coefficient": 0.0}
    without = job(config, "rl")
    config["rl"]["grpo"]["kl_coefficient"] = 0.1
    with_kl = job(config, "rl")
    assert with_kl.gpu_bytes == without.gpu_bytes and with_kl.host == without.host
    assert with_kl.seconds > without.seconds


def test_active_parameters_set_the_time_and_all_of_them_the_memory():
    mixture, dense = model(active_parameters=1e9), model()
    settings, batches = TrainingSettings(), Batches(1.0, 1e6, 1e6)
    assert CPU.training_seconds(mixture, batches, settings, 1) < CPU.training_seconds(dense, batches, settings, 1)
    assert CPU.training_bytes(mixture, 1.0, settings, 1) == CPU.training_bytes(dense, 1.0, settings, 1)


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


def test_a_model_in_a_folder_is_as_large_as_its_files_say(config, tmp_path):
    folder = write_tiny_model(tmp_path).parent / "model"
    config["models"]["nano_a"] = {"path": str(folder)}
    weights = (folder / "model.safetensors").stat().st_size
    assert job(config, "base").gpus == 0
    assert job(config, "base").disk == weights + SMALL_DISK
    size = sized_model("nano_a", load_study(config, "config.yaml").models["nano_a"])
    assert size.shape.layers == 2 and size.stored == weights


def test_a_size_that_is_not_given_is_known_once_the_model_is_fetched(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config["models"]["nano_a"] = {"hub": {"repo": "acme/tiny", "revision": "0" * 40}}
    before = costs(config)
    # what fetches it can be planned, and so can jobs of other models
    assert before.job("fetch_model", {"repo": "acme--tiny"}).seconds > 0
    assert before.job("base", {"model": "nano_b"}).seconds > 0
    for rule in ("base", "sft", "rl", "rollouts"):
        with pytest.raises(SafeLRMError, match=r"(?s)acme/tiny is in its files.*fetch_all") as caught:
            job(config, rule)
        assert caught.value.key == "models.nano_a.hub.shape"
    fetched = tmp_path / "hub/models/acme--tiny"
    write_tiny_model(tmp_path / "made")
    shutil.copytree(tmp_path / "made/model", fetched)
    with pytest.raises(SafeLRMError, match="not fetched yet"):
        # the manifest is written last
        job(config, "base")
    (fetched / "manifest.json").write_text("{}")
    assert job(config, "base").disk == (fetched / "model.safetensors").stat().st_size + SMALL_DISK
    assert costs(config).job("fetch_model", {"repo": "acme--tiny"}).disk > SMALL_DISK
    config["models"]["nano_a"]["hub"]["shape"] = SEVEN.model_dump()
    assert job(config, "base").disk > SEVEN.parameters


def test_a_guard_in_bfloat16_takes_less_of_rl(config):
    config = large(config)
    config["rl"]["grpo"]["guard_dtype"] = "float32"
    before = job(config, "rl")
    config["rl"]["grpo"]["guard_dtype"] = "bfloat16"
    after = job(config, "rl")
    assert after.seconds < before.seconds
    assert after.gpu_bytes < before.gpu_bytes


def test_samples_hold_the_texts_of_one_run_at_a_time(config):
    def texts_bytes() -> float:
        known = costs(config)
        return known.job("samples", {}).host - known.job("metrics", {}).host

    rows, texts = costs(config).job("metrics", {}).host, texts_bytes()
    for arm in config["arms"]:
        arm["seeds"] = [*arm["seeds"], 11, 12]
    assert costs(config).job("metrics", {}).host > rows
    assert texts > 0
    assert texts_bytes() == pytest.approx(texts)


def test_the_size_of_a_nano_model_is_that_of_its_architecture():
    tokenizer = build_tokenizer("family_a")
    assert len(tokenizer) == VOCABULARY
    for settings in ({}, {"kind": "granite"}, {"layers": 3, "hidden_size": 64, "heads": 4, "kv_heads": 2}):
        architecture = Architecture.model_validate(settings)
        made = new_model(architecture, tokenizer)
        assert architecture.shape.parameters == pytest.approx(made.num_parameters(), rel=0.01)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"settings": {"size": 70}}, Texts(70.0, GUESSED_PROMPT_TOKENS, 32.0)),
        ({}, Texts(GUESSED_ROWS, GUESSED_PROMPT_TOKENS, 32.0)),
        ({"settings": {"size": 70}, "expected": {"rows": 450}}, Texts(450.0, GUESSED_PROMPT_TOKENS, 32.0)),
        ({"expected": {"prompt_tokens": 800, "response_tokens": 20}}, Texts(GUESSED_ROWS, 800.0, 20.0)),
        ({"expected": {"response_tokens": 4000}}, Texts(GUESSED_ROWS, GUESSED_PROMPT_TOKENS, 64.0)),
    ],
)
def test_the_size_of_a_data_set_is_what_is_expected_or_its_settings_say(entry, expected):
    assert expected_texts(DatasetEntry(source="safelrm.data.sources.not_known", **entry), limit=64) == expected


@pytest.mark.parametrize(
    ("rule", "dataset"), [("sft", "star1"), ("rl", "rl_dial"), ("rollouts", "dial_longer"), ("judge", "dial_longer")]
)
@pytest.mark.parametrize("expected", [{"prompt_tokens": 60}, {"response_tokens": 90}])
def test_longer_texts_take_longer(config, rule, dataset, expected):
    before = job(config, rule).seconds
    config["datasets"][dataset]["expected"] = expected
    assert job(config, rule).seconds > before

"""Reinforcement learning, for real on a tiny model and a tiny guard."""

import pytest
import torch
from tiny_model import write_tiny_model
from training_fixtures import GUARD, TEMPLATE, prompts, run_paths, written
from transformers import AutoTokenizer

from safelrm.core import saving
from safelrm.core.errors import SafeLRMError
from safelrm.inference.readings import ForwardGuard
from safelrm.inference.settings import GuardSettings
from safelrm.models.schemas import CURVES
from safelrm.models.templates import trainable
from safelrm.training import reward_guards
from safelrm.training.grpo import grpo_arguments
from safelrm.training.reinforced import train
from safelrm.training.rl import prompt_files
from safelrm.training.settings import RlSettings

SETTINGS = {
    "prompts": [{"dataset": "harm", "weight": 2}, {"dataset": "sums", "weight": 1}],
    "rewards": [
        {"module": "safelrm.training.rewards.safety", "weight": 1.0, "guards": ["g"]},
        {"module": "safelrm.training.rewards.correctness", "weight": 1.0},
        {"module": "safelrm.training.rewards.format", "weight": 0.5},
    ],
    "steps": 3,
    "group_size": 8,
    "prompts_per_step": 3,
    "learning_rate": 1e-3,
    "max_completion_tokens": 24,
}
READING = GuardSettings.model_validate(GUARD)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("base"), chat_template=TEMPLATE, scale=0.2)


@pytest.fixture
def fit(base, tmp_path):
    def fit(name="run", *, seed=0, tables=None, checkpoint=base, reading=READING, **changes):
        paths = run_paths(tmp_path, name)
        train(
            tables or {"harm": prompts("harmful"), "sums": prompts("reasoning", reference="7")},
            RlSettings.model_validate(SETTINGS | changes),
            checkpoint=checkpoint,
            guards={"g": base},
            readings={"g": reading},
            seed=seed,
            **paths,
        )
        return paths["manifest"]

    return fit


def test_two_runs_are_byte_equal_and_the_seed_matters(fit, base):
    first, second, other = fit("a"), fit("b"), fit("c", seed=1)
    assert written(first) == written(second)
    assert written(first)["model.safetensors"] != written(other)["model.safetensors"]
    assert written(first)["model.safetensors"] != written(base)["model.safetensors"]
    assert set(written(first)) == set(written(base))
    assert [path.name for path in sorted(first.parent.iterdir())] == ["manifest.json", "model"]


def test_a_template_made_for_sft_asks_the_same_questions(fit, base, tmp_path):
    # of a model from a hub; the markers are for SFT, and RL only asks
    tokenizer = AutoTokenizer.from_pretrained(base.parent / "model")
    plain = TEMPLATE.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    made = write_tiny_model(tmp_path / "made", chat_template=trainable(plain, tokenizer), scale=0.2)
    as_before = written(fit("before"))["model.safetensors"]
    assert written(fit("after", checkpoint=made))["model.safetensors"] == as_before


def test_the_curve_has_every_term(fit, tmp_path):
    fit(kl_coefficient=0.1, loss="dr_grpo", scale_rewards="none")
    curve = CURVES.read(tmp_path / "run.parquet")
    wanted = {"loss", "reward", "reward_format", "reward_correctness", "kl_to_start", "entropy", "completion_length"}
    wanted |= {"truncated_share", "clipped_ratio", "gradient_norm", "scored_safety", "scored_correctness"}
    wanted |= {"empty_traces", "trace_words"}
    assert wanted <= set(curve["metric"])
    assert set(curve["step"]) == {1, 2, 3}
    applied = curve[curve["metric"] == "scored_correctness"]["value"]
    assert applied.tolist() == pytest.approx([1 / 3] * 3)


def test_a_guard_that_cannot_be_read_ends_the_first_step(fit, tmp_path, capsys):
    with pytest.raises(SafeLRMError, match=r"step 1, .*`safety`.*`g`: the guard answers neither label") as error:
        fit(reading=READING.model_copy(update={"min_label_mass": 1.0}))
    assert error.value.file and error.value.key and error.value.fix
    assert "step 2/" not in capsys.readouterr().out
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_guard_has_the_arithmetic_that_the_recipe_names(fit, monkeypatch, dtype):
    loaded = []

    class Watched(ForwardGuard):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            loaded.append(self.model.dtype)

    monkeypatch.setattr(reward_guards, "ForwardGuard", Watched)
    fit(steps=1, guard_dtype=dtype)
    assert loaded == [getattr(torch, dtype)]


def test_rewards_raise_what_they_reward(fit, tmp_path):
    terms = [{"module": "safelrm.training.rewards.format", "weight": 1.0}]
    fit(steps=40, prompts_per_step=6, rewards=terms, learning_rate=1e-2, max_completion_tokens=16)
    curve = CURVES.read(tmp_path / "run.parquet")
    reward = curve[curve["metric"] == "reward"].set_index("step")["value"]
    assert reward.loc[31:].mean() > reward.loc[:10].mean() + 0.3


def test_several_steps_per_batch_of_rollouts_clip_the_ratio(fit, tmp_path):
    fit(steps=8, iterations=2, micro_batches=2, prompts_per_step=8, learning_rate=0.1, clip=0.01)
    curve = CURVES.read(tmp_path / "run.parquet")
    clipped = curve[curve["metric"] == "clipped_ratio"].set_index("step")["value"]
    assert clipped.loc[[1, 3, 5, 7]].max() == 0
    assert clipped.loc[[2, 4, 6, 8]].max() > 0


def test_a_diverging_run_stops_and_leaves_nothing(fit, tmp_path):
    with pytest.raises(SafeLRMError) as error:
        fit(learning_rate=1e30, steps=6, rewards=SETTINGS["rewards"][:1])
    assert error.value.key == "learning_rate"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_guard_that_crashes_in_a_step_is_named_and_the_run_goes_on_from_its_state(fit, monkeypatch):
    whole = written(fit("whole"))
    # the state is saved after each step
    monkeypatch.setattr(saving.SaveClock, "is_due", lambda clock: True)
    read, asked = ForwardGuard.read, []

    def crashes(guard, pairs, *fields):
        asked.append(len(pairs))
        if len(asked) == 3:
            raise RuntimeError("an illegal memory access")
        return read(guard, pairs, *fields)

    with monkeypatch.context() as patched:
        patched.setattr(ForwardGuard, "read", crashes)
        with pytest.raises(SafeLRMError, match=r"the guard `g`, which gives a reward, fails .*illegal memory access"):
            fit("other")
    assert written(fit("other")) == whole


def test_a_prompt_that_leaves_no_room_is_named(fit):
    long = prompts("harmful")
    long.loc[2, "prompt"] = "w1 " * 240
    with pytest.raises(SafeLRMError, match="harmful2"):
        fit(tables={"harm": long, "sums": prompts("reasoning", reference="7")})


def test_the_reference_model_is_left_where_it_is_loaded():
    # accelerate would otherwise spread it over all GPUs, in each process
    with_kl = RlSettings.model_validate(SETTINGS | {"kl_coefficient": 0.1})
    assert grpo_arguments(with_kl)["model_init_kwargs"] == {"device_map": None}
    assert "model_init_kwargs" not in grpo_arguments(RlSettings.model_validate(SETTINGS))


def test_the_kl_term_is_not_weighed_by_the_importance_ratio():
    assert grpo_arguments(RlSettings.model_validate(SETTINGS))["use_bias_correction_kl"] is False


def test_vllm_needs_a_gpu(fit):
    with pytest.raises(SafeLRMError, match="GPU"):
        fit(vllm={"max_model_length": 64})


def test_several_gpus_generate_with_vllm(fit, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SafeLRMError, match="several GPUs") as error:
        fit()
    assert error.value.key == "vllm"


@pytest.mark.parametrize(("processes", "shared"), [("1", (6, 4)), ("2", (3, 4)), ("4", (3, 2)), ("24", (1, 1))])
def test_a_step_stays_the_recipe_s_in_any_number_of_processes(processes, shared, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", processes)
    arguments = grpo_arguments(RlSettings.model_validate(SETTINGS | {"micro_batches": 6}))
    assert (arguments["gradient_accumulation_steps"], arguments["per_device_train_batch_size"]) == shared


@pytest.mark.parametrize(
    "changes",
    [
        {"rewards": [{"module": "safelrm.training.rewards.format", "weight": 1.0}] * 2},
        {"prompts": [{"dataset": "harm", "weight": 1}] * 2},
        {"micro_batches": 5},
        {"group_size": 1},
    ],
)
def test_settings_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValueError):
        RlSettings.model_validate(SETTINGS | changes)


def test_prompts_are_read_in_the_recipe_s_order(tmp_path):
    settings = RlSettings.model_validate(SETTINGS)
    given = [f"{name}={tmp_path}/{name}.parquet" for name in ("sums", "harm")]
    assert list(prompt_files(given, settings)) == ["harm", "sums"]
    for bad in (given[:1], [*given, given[0]], [*given, "x=y"], ["harm", given[0]]):
        with pytest.raises(SafeLRMError, match="--prompts"):
            prompt_files(bad, settings)

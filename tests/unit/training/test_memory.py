"""Advice after an out-of-memory: one step at a time, each of which saves memory by the plan's own model."""

import pytest
from costs_fixtures import SEVEN
from hypothesis import given
from hypothesis import strategies as st

from safelrm.dag.costs.processors import Processor
from safelrm.dag.costs.sizes import SizedModel
from safelrm.training.candidate_settings import DpoSettings
from safelrm.training.memory import advice, next_change
from safelrm.training.settings import RlSettings, SftSettings

SFT = {"dataset": "star1", "epochs": 1.0, "batch_size": 8, "learning_rate": 1e-5, "max_length": 4096}
RL = {
    "prompts": [{"dataset": "harm", "weight": 1}],
    "rewards": [{"module": "safelrm.training.rewards.safety", "weight": 1.0, "guards": ["g"]}],
    "steps": 1,
    "group_size": 3,
    "prompts_per_step": 2,
    "kl_coefficient": 0.1,
    "learning_rate": 1e-5,
    "max_completion_tokens": 64,
    "vllm": {"max_model_length": 128},
}


def applied(recipe: dict, values: dict) -> dict:
    """A recipe with the values of a change."""
    changed = dict(recipe)
    for key, value in values.items():
        outer, _, inner = key.partition(".")
        changed[outer] = {**changed[outer], inner: value} if inner else value
    return changed


def path(model: type, recipe: dict) -> list[dict]:
    """The changes that the advice makes, one after the other, until it has none."""
    found = []
    while (change := next_change(model.model_validate(recipe))) is not None:
        found.append(dict(change.values))
        recipe = applied(recipe, change.values)
    return found


def test_sft_is_first_told_what_leaves_its_step_as_it_is():
    assert path(SftSettings, SFT | {"gradient_accumulation": 2, "batch_size": 6}) == [
        {"gradient_checkpointing": True},
        {"batch_size": 3, "gradient_accumulation": 4},
        {"batch_size": 1, "gradient_accumulation": 12},
        {"lora": {"rank": 16}},
        {"precision": "bfloat16"},
    ]


def test_rl_is_also_told_of_its_guards_and_of_its_engine():
    assert path(RlSettings, RL) == [
        {"gradient_checkpointing": True},
        {"micro_batches": 2},
        {"micro_batches": 6},
        {"lora": {"rank": 16}},
        {"guard_dtype": "bfloat16"},
        {"precision": "bfloat16"},
        {"vllm.gpu_memory_share": 0.15},
    ]


def test_a_reward_without_guards_and_a_run_without_vllm_are_not_told_of_them():
    alone = RL | {"vllm": None, "rewards": [{"module": "safelrm.training.rewards.format", "weight": 1.0}]}
    assert {key for values in path(RlSettings, alone) for key in values}.isdisjoint(
        {"guard_dtype", "vllm.gpu_memory_share"}
    )


def test_probes_are_counted():
    term = {"module": "safelrm.training.rewards.safety", "weight": 1.0, "guards": ["g"]}
    probe = {"prompts": [{"dataset": "tune"}], "rewards": [term], "times": 2, "max_completion_tokens": 64}
    found = path(SftSettings, SFT | {"batch_size": 1, "probe": probe})
    assert found[1:3] == [{"probe.batch_size": 32}, {"probe.batch_size": 8}]
    assert {"probe.guard_dtype": "bfloat16"} in found


def test_dpo_is_told_of_its_reference_model():
    dpo = {"candidates": "c", "min_margin": 0.1, "epochs": 1.0, "learning_rate": 1e-6, "max_length": 64}
    settings = DpoSettings.model_validate(dpo | {"gradient_checkpointing": True, "batch_size": 1})
    assert "needs no reference model" in advice(settings)


@given(batch=st.integers(1, 64), passes=st.integers(1, 8))
def test_each_step_saves_memory_by_the_plans_model_and_keeps_the_step(batch, passes):
    recipe = SFT | {"batch_size": batch, "gradient_accumulation": passes}
    model, on = SizedModel("qwen", SEVEN, 0.0), Processor()

    def needed(recipe: dict) -> float:
        settings = SftSettings.model_validate(recipe)
        return on.training_bytes(model, settings.batch_size * settings.max_length, settings, 1)

    for values in path(SftSettings, recipe):
        changed = applied(recipe, values)
        assert needed(changed) < needed(recipe)
        assert changed["batch_size"] * changed["gradient_accumulation"] == batch * passes
        recipe = changed


@pytest.mark.parametrize(
    ("model", "recipe", "said"),
    [
        (SftSettings, SFT, "set `gradient_checkpointing: true` in the recipe: "),
        (
            SftSettings,
            SFT | {"gradient_checkpointing": True},
            "set `batch_size: 4` and `gradient_accumulation: 2` in the recipe: a pass then holds 4 of a step's"
            " sequences instead of 8",
        ),
        (
            RlSettings,
            RL | {"gradient_checkpointing": True, "micro_batches": 6},
            "set `lora: {rank: 16}` in the recipe: training then keeps gradients and moments of updates of low rank"
            " only, and needs no reference model",
        ),
        (
            RlSettings,
            RL
            | {"gradient_checkpointing": True, "micro_batches": 6, "vllm": None, "lora": {}}
            | {"precision": "bfloat16", "guard_dtype": "bfloat16"},
            "shorten the sequences (now `max_completion_tokens: 64`), describe more or larger GPUs in `execution`",
        ),
    ],
)
def test_the_advice_names_keys_and_values(model, recipe, said):
    assert advice(model.model_validate(recipe)).startswith(said)

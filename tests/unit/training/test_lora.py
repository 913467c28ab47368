"""LoRA: a checkpoint differs from its base by updates of low rank, and is as any other checkpoint to who loads it."""

import json

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tiny_model import write_tiny_model
from training_fixtures import GUARD, RL, TEMPLATE, conversations, prompts, run_paths, written
from transformers import AutoModelForCausalLM

from safelrm.core.checkpoints import write_manifest
from safelrm.core.errors import SafeLRMError
from safelrm.inference.settings import GuardSettings
from safelrm.models.schemas import CURVES
from safelrm.training import reinforced, supervised
from safelrm.training.settings import LoraSettings, RlSettings, SftSettings

SFT = {"dataset": "d", "epochs": 4, "batch_size": 3, "learning_rate": 3e-2, "max_length": 64}
# so many completions that some earn a reward
RL = RL | {"steps": 4, "group_size": 8, "prompts_per_step": 9, "max_completion_tokens": 24}
LORA = {"rank": 2, "alpha": 4}
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("base"), chat_template=TEMPLATE, scale=0.2)


@pytest.fixture
def fit(base, tmp_path):
    def fit(stage, name="run", *, seed=0, checkpoint=base, lora=LORA, **changes):
        paths = run_paths(tmp_path, name)
        how = {"checkpoint": checkpoint, "seed": seed, **paths}
        if stage == "sft":
            supervised.train(conversations(), SftSettings.model_validate(SFT | {"lora": lora} | changes), **how)
        else:
            tables = {"harm": prompts("harmful"), "sums": prompts("reasoning", reference="7")}
            settings = RlSettings.model_validate(RL | {"lora": lora} | changes)
            reinforced.train(
                tables, settings, guards={"g": base}, readings={"g": GuardSettings.model_validate(GUARD)}, **how
            )
        return paths["manifest"]

    return fit


def weights(manifest):
    return load_file(manifest.parent / "model/model.safetensors")


def updates(manifest, base):
    """What each weight was changed by, without those that were not changed."""
    before = weights(base)
    found = {name: weight - before[name] for name, weight in weights(manifest).items()}
    assert found.keys() == before.keys()
    return {name: update for name, update in found.items() if update.abs().max() > 0}


def rank(update):
    """The rank, but for the rounding of a float32 sum."""
    sizes = torch.linalg.svdvals(update.double())
    return int((sizes > 1e-4 * sizes[0]).sum())


@pytest.mark.parametrize("stage", ["sft", "rl"])
def test_only_linear_layers_change_and_only_by_updates_of_low_rank(stage, fit, base):
    manifest = fit(stage)
    changed = updates(manifest, base)
    assert {name.split(".")[-2] for name in changed} == {*ATTENTION, *MLP}
    assert {rank(update) for update in changed.values()} <= {1, 2}
    assert set(written(manifest)) == set(written(base))
    assert [path.name for path in sorted(manifest.parent.iterdir())] == ["manifest.json", "model"]
    config = json.loads((manifest.parent / "model/config.json").read_text())
    assert config == json.loads((base.parent / "model/config.json").read_text())


@pytest.mark.parametrize("stage", ["sft", "rl"])
def test_two_runs_are_byte_equal_and_the_seed_matters(stage, fit):
    first, second, other = fit(stage, "a"), fit(stage, "b"), fit(stage, "c", seed=1)
    assert written(first) == written(second)
    assert written(first)["model.safetensors"] != written(other)["model.safetensors"]


def test_a_larger_rank_learns_more_and_chosen_layers_alone_change(fit, base):
    manifest = fit("sft", lora={"rank": 4, "alpha": 8, "target_modules": ["q_proj", "layers.1.mlp.up_proj"]})
    changed = updates(manifest, base)
    assert {name for name in changed if "q_proj" not in name} == {"model.layers.1.mlp.up_proj.weight"}
    assert len(changed) == 3 and max(rank(update) for update in changed.values()) > 2


def test_dropout_alone_changes_what_is_learnt(fit):
    without, again = fit("sft", "without"), fit("sft", "again", lora=LORA | {"dropout": 0.0})
    with_dropout = fit("sft", "with", lora=LORA | {"dropout": 0.5})
    assert written(without) == written(again)
    assert written(without) != written(with_dropout)


def test_training_learns(fit, tmp_path):
    # the output layer stays as it is, so it must tell words apart
    sharp = write_tiny_model(tmp_path / "sharp", chat_template=TEMPLATE, scale=20.0)
    fit("sft", checkpoint=sharp, epochs=30, lora={"rank": 8}, learning_rate=1e-2)
    loss = CURVES.read(tmp_path / "run.parquet").query("metric == 'loss'").set_index("step")["value"]
    assert loss.iloc[-1] < loss.iloc[0] / 2


def test_the_dtype_of_the_checkpoint_is_kept(fit, base, tmp_path):
    half = tmp_path / "half/model"
    AutoModelForCausalLM.from_pretrained(base.parent / "model", dtype=torch.bfloat16).save_pretrained(half)
    for path in (base.parent / "model").iterdir():
        if not (half / path.name).exists():
            (half / path.name).write_bytes(path.read_bytes())
    write_manifest(half.parent / "manifest.json")
    manifest = fit("sft", checkpoint=half.parent / "manifest.json")
    assert {weight.dtype for weight in weights(manifest).values()} == {torch.bfloat16}
    assert updates(manifest, half.parent / "manifest.json")


@pytest.mark.parametrize("stage", ["sft", "rl"])
def test_an_adapter_that_is_kept_gives_the_same_model(stage, fit, base):
    manifest = fit(stage, lora=LORA | {"keep_adapter": True})
    assert written(manifest) == written(fit(stage, "merged"))
    folder = manifest.parent / "adapter"
    assert sorted(path.name for path in folder.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base.parent / "model"), folder)
    # the same sums as of the merged weights, but for nothing
    found = model.merge_and_unload().state_dict()
    assert all(torch.equal(found[name], weight) for name, weight in weights(manifest).items())
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["r"] == 2 and config["target_modules"] == sorted(config["target_modules"])
    assert {name.rpartition(".")[2] for name in config["target_modules"]} == {*ATTENTION, *MLP}
    again = fit(stage, "again", lora=LORA | {"keep_adapter": True}).parent / "adapter"
    for path in folder.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


def test_the_model_without_its_updates_is_the_reference_of_the_kl_term(fit, base, tmp_path, monkeypatch):
    trainers = []

    class Watched(reinforced.RlTrainer):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            trainers.append(self)

    monkeypatch.setattr(reinforced, "RlTrainer", Watched)
    fit("rl", kl_coefficient=0.5, steps=6, iterations=1)
    (trainer,) = trainers
    assert trainer.ref_model is None
    kl = CURVES.read(tmp_path / "run.parquet").query("metric == 'kl_to_start'").set_index("step")["value"]
    # the first step's policy is the reference; later ones are not
    assert kl.loc[1] == pytest.approx(0.0, abs=1e-7) and kl.loc[6] > 1e-6
    model = trainer.accelerator.unwrap_model(trainer.model)
    ids = torch.arange(10, 20)[None]
    plain = AutoModelForCausalLM.from_pretrained(base.parent / "model")
    with torch.no_grad(), model.disable_adapter():
        expected = plain(input_ids=ids, use_cache=False, output_hidden_states=True).hidden_states[-1]
        found = model.get_base_model().model(input_ids=ids, use_cache=False).last_hidden_state
    assert torch.equal(found, expected)


def test_gradient_checkpointing_changes_nothing(fit):
    plain, again = fit("sft", "plain"), fit("sft", "again", gradient_checkpointing=True)
    for name, weight in weights(plain).items():
        torch.testing.assert_close(weights(again)[name], weight)


@pytest.mark.parametrize("stage", ["sft", "rl"])
@pytest.mark.parametrize("target", ["q_prj", "lm_head", "embed_tokens", "proj"])
def test_a_layer_that_is_not_there_is_named(stage, target, fit, tmp_path):
    with pytest.raises(SafeLRMError, match=rf"`{target}` is no linear layer.*") as caught:
        fit(stage, lora={"target_modules": ["q_proj", target]})
    assert caught.value.key == "lora.target_modules" and "q_proj" in caught.value.fix
    assert not list(tmp_path.rglob("manifest.json"))


def test_rl_with_lora_has_one_gpu(fit, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SafeLRMError, match="one GPU") as error:
        fit("rl", vllm={"max_model_length": 64})
    assert error.value.key == "lora"


@pytest.mark.parametrize(
    "settings", [{"rank": 0}, {"alpha": 0}, {"dropout": 1.0}, {"target_modules": []}, {"target_modules": "q"}, {"r": 3}]
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ValueError):
        LoraSettings.model_validate(settings)

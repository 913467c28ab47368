"""The mapping `trainer` of a recipe: what of TRL's options it takes, refuses, and passes on."""

import os
import re

import pytest
from pydantic import ValidationError
from training_fixtures import RL
from trl import SFTConfig

from safelrm.core.errors import SafeLRMError
from safelrm.training.candidate_settings import DpoSettings
from safelrm.training.grpo import grpo_arguments
from safelrm.training.options import OPTIONS, known_options, refusal
from safelrm.training.preferred import dpo_arguments
from safelrm.training.processes import BOARD_VARIABLE, shared_arguments, trainer_config
from safelrm.training.reserved import ALIASES, LOCKED_OPTIMISERS, RESERVED
from safelrm.training.settings import RlSettings, SftSettings
from safelrm.training.supervised import sft_arguments
from safelrm.training.trl_options import options, text

PROCESSES = "safelrm.training.processes"
SFT = {"dataset": "d", "epochs": 2, "batch_size": 3, "learning_rate": 1e-2, "max_length": 64}
DPO = {"candidates": "c", "min_margin": 0.5, "epochs": 1, "batch_size": 3, "learning_rate": 1e-3, "max_length": 64}
# SafeLRM sets these, and a recipe may set them otherwise
DEFAULTS = {"lr_scheduler_type", "report_to", "router_aux_loss_coef", "weight_decay"}


def sft(**trainer):
    return SftSettings.model_validate(SFT | {"trainer": trainer})


def test_the_file_of_options_is_that_of_the_installed_trl():
    assert OPTIONS.read_text(encoding="utf-8") == text(options()), "run `python -m safelrm trl_options`"


def test_options_reach_trl(tmp_path):
    given = {"adam_beta2": 0.95, "optim": "adamw_torch", "lr_scheduler_type": "constant", "neftune_noise_alpha": 5}
    config = trainer_config(
        SFTConfig,
        sft(**given),
        sft_arguments(sft(), 1, 3),
        seed=7,
        work=tmp_path,
        curve=tmp_path / "m/a/seed1.parquet",
    )
    assert {name: getattr(config, name) for name in given} == given
    assert (config.seed, config.report_to, config.run_name) == (7, [], "m/a/seed1")


def test_a_service_is_named_by_the_recipe_and_must_be_installed(tmp_path, monkeypatch):
    recipe, paths = sft(report_to=["tensorboard"]), {"work": tmp_path, "curve": tmp_path / "m/a/seed1.parquet"}
    monkeypatch.setattr(f"{PROCESSES}.get_available_reporting_integrations", lambda: ["wandb"])
    with pytest.raises(SafeLRMError, match="the package of tensorboard is not installed") as error:
        trainer_config(SFTConfig, recipe, {}, seed=0, **paths)
    assert error.value.key == "trainer.report_to"
    monkeypatch.setattr(f"{PROCESSES}.get_available_reporting_integrations", lambda: ["tensorboard"])
    # set, so that the test undoes it
    monkeypatch.setenv(BOARD_VARIABLE, "")
    monkeypatch.delenv(BOARD_VARIABLE)
    assert trainer_config(SFTConfig, recipe, {}, seed=0, **paths).report_to == ["tensorboard"]
    assert os.environ[BOARD_VARIABLE] == "logs/tensorboard/m/a/seed1"


@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        ({"adam_beta3": 0.9}, "TRL's SFTConfig has no option `adam_beta3`; did you mean `adam_beta"),
        ({"quux": 1}, "has no option `quux` "),
        ({"beta": 0.1}, "TRL's SFTConfig has no option `beta`"),
        ({"learning_rate": 1e-3}, "the recipe's key `learning_rate`"),
        ({"num_train_epochs": 3}, "the recipe's key `epochs`"),
        ({"train_sampling_strategy": "sequential"}, "the recipe's key `batching`"),
        ({"bf16": True}, "the recipe's key `precision`"),
        ({"output_dir": "x"}, "SafeLRM keeps the state"),
        ({"save_steps": 5}, "SafeLRM keeps the state"),
        ({"seed": 5}, "derives it from the seed of the arm"),
        ({"push_to_hub": True}, "uploads nothing"),
        ({"hub_token": "secret"}, "uploads nothing"),
        ({"trust_remote_code": True}, "the checkpoint says"),
        ({"packing": True}, "the recipe's key `padding_free`"),
        ({"adam_beta2": "0.9"}, "`adam_beta2` must be of type number, found '0.9'"),
        ({"adam_epsilon": "1e-8"}, "YAML takes 1e-8 for a text"),
        ({"adam_beta2": True}, "must be of type number, found True"),
        ({"average_tokens_across_devices": 1}, "must be of type boolean"),
        ({"adam_beta1": None}, "must be of type number"),
        ({"adam_beta2": float("nan")}, "must be finite"),
        ({"lr_scheduler_type": "cosin"}, "must be one of linear, cosine"),
        ({"optim": "adamw_8bit"}, "must be one of adamw_torch, .*packages"),
        ({"report_to": ["wandb", "x"]}, "must be one of none, .*found 'x'"),
    ],
)
def test_what_cannot_be_set_is_refused_when_the_recipe_is_read(trainer, message):
    with pytest.raises(ValidationError, match=message) as error:
        sft(**trainer)
    assert "secret" not in error.value.errors()[0]["msg"]


def test_each_way_of_training_has_options_of_its_own():
    assert RlSettings.model_validate(RL | {"steps": 1, "trainer": {"delta": 2.0}}).trainer == {"delta": 2.0}
    with pytest.raises(ValidationError, match="the recipe's key `kl_coefficient`"):
        RlSettings.model_validate(RL | {"steps": 1, "trainer": {"beta": 2.0}})
    with pytest.raises(ValidationError, match="SFTConfig has no option `delta`"):
        sft(delta=2.0)
    assert DpoSettings.model_validate(DPO | {"trainer": {"ld_alpha": 0.5}}).trainer == {"ld_alpha": 0.5}
    with pytest.raises(ValidationError, match="the recipe's key `loss`"):
        DpoSettings.model_validate(DPO | {"trainer": {"loss_type": "ipo"}})


def test_what_trl_itself_refuses_is_one_message(tmp_path):
    recipe = sft(lr_scheduler_type="reduce_lr_on_plateau")
    with pytest.raises(SafeLRMError, match="TRL's SFTConfig refuses") as error:
        trainer_config(SFTConfig, recipe, {}, seed=0, work=tmp_path, curve=tmp_path / "seed1.parquet")
    assert error.value.key == "trainer"


def test_a_recipe_cannot_change_what_safelrm_sets(tmp_path):
    rl = RlSettings.model_validate(RL | {"steps": 4, "vllm": {"max_model_length": 64}})
    dpo = DpoSettings.model_validate(DPO)
    given = ((sft(), sft_arguments(sft(), 1, 3)), (rl, grpo_arguments(rl)), (dpo, dpo_arguments(dpo, 1, 3)))
    for settings, arguments in given:
        set_here = {*shared_arguments(settings, 0, tmp_path), *arguments, "run_name"} - DEFAULTS
        assert {name for name in set_here if refusal(name, type(settings).model_fields) is None} == set()
        # a default is one, or has a key
        assert refusal("lr_scheduler_type", type(settings).model_fields) is None


def test_each_reserved_name_is_an_option_of_trl():
    known = {name for config in ("SFTConfig", "GRPOConfig", "DPOConfig") for name in known_options(config)}
    assert set(ALIASES) <= known
    patterns = [pattern for names in RESERVED.values() for pattern in names]
    assert [pattern for pattern in patterns if not any(re.fullmatch(pattern, name) for name in known)] == []
    assert set(LOCKED_OPTIMISERS) <= set(known_options("SFTConfig")["optim"]["choices"])

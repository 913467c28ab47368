"""The losses of RL: each takes what it uses, and a recipe that says what its loss ignores is refused."""

import pytest
from training_fixtures import RL
from trl import GRPOConfig

from safelrm.training.grpo import grpo_arguments
from safelrm.training.settings import RlSettings

RECIPE = RL | {"steps": 1}


def arguments(**changes):
    return grpo_arguments(RlSettings.model_validate(RECIPE | changes))


@pytest.mark.parametrize(
    ("changes", "epsilons"),
    [
        ({"loss": "grpo"}, (0.2, None)),
        ({"loss": "dapo", "clip": 0.1, "clip_high": 0.28}, (0.1, 0.28)),
        ({"loss": "bnpo"}, (0.2, None)),
        ({"loss": "dr_grpo", "scale_rewards": "none"}, (0.2, None)),
        ({"loss": "cispo", "clip_high": 5.0}, (0.2, 5.0)),
        ({"loss": "sapo"}, (0.2, None)),
    ],
)
def test_trl_takes_every_loss(changes, epsilons, tmp_path):
    config = GRPOConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, **arguments(**changes))
    assert config.loss_type == changes["loss"]
    assert (config.epsilon, config.epsilon_high) == epsilons


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        # TRL would take the epsilon of other losses, .2, for the greatest ratio
        ({"loss": "cispo"}, "clip_high: the loss cispo needs"),
        ({"loss": "cispo", "clip_high": 5.0, "clip": 0.2}, "clip: the loss cispo has no lower limit"),
        ({"loss": "sapo", "clip": 0.2}, "clip: the loss sapo does not clip"),
        ({"loss": "sapo", "clip_high": 0.2}, "clip: the loss sapo does not clip"),
        ({"aggregation": "normalize_then_sum", "scale_rewards": "none"}, "scale_rewards: with `aggregation"),
        ({"use_bias_correction_kl": True, "kl_coefficient": 0.0}, "use_bias_correction_kl: there is no KL term"),
        ({"loss": "luspo"}, "Input should be"),
    ],
)
def test_what_a_loss_ignores_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        arguments(**changes)


def test_the_kl_term_and_the_sum_of_the_terms_are_said_to_trl():
    plain, other = arguments(), arguments(use_bias_correction_kl=True, aggregation="normalize_then_sum")
    assert (plain["use_bias_correction_kl"], plain["multi_objective_aggregation"]) == (False, "sum_then_normalize")
    assert (other["use_bias_correction_kl"], other["multi_objective_aggregation"]) == (True, "normalize_then_sum")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "dapo", "trainer": {"sapo_temperature_pos": 1.0}}, "the loss dapo ignores `sapo_temperature_pos`"),
        ({"loss": "sapo", "trainer": {"delta": 4.0}}, "the loss sapo ignores `delta`"),
        ({"loss": "grpo", "trainer": {"vespo_k_pos": 2.0}}, "the loss grpo ignores `vespo_k_pos`"),
        ({"loss": "dapo", "trainer": {"importance_sampling_level": "sequence"}}, "take `loss: grpo`"),
        ({"iterations": 1, "trainer": {"off_policy_mask_threshold": 0.5}}, "masks nothing"),
        ({"trainer": {"multi_objective_aggregation": "normalize_then_sum"}}, "the recipe's key `aggregation` says it"),
        ({"trainer": {"use_bias_correction_kl": True}}, "the recipe's key `use_bias_correction_kl` says it"),
    ],
)
def test_so_is_an_option_of_trl_that_a_loss_ignores(changes, message):
    with pytest.raises(ValueError, match=message):
        arguments(**changes)


def test_options_that_a_loss_uses_reach_trl():
    for changes in (
        {"loss": "sapo", "trainer": {"sapo_temperature_neg": 1.1, "sapo_temperature_pos": 1.0}},
        {"loss": "grpo", "trainer": {"importance_sampling_level": "sequence", "delta": 4.0}},
        {"trainer": {"top_entropy_quantile": 0.2, "off_policy_mask_threshold": 0.5}},
    ):
        RlSettings.model_validate(RECIPE | changes)

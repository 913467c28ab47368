"""Published settings of SFT as presets of recipes."""

import pytest
from pydantic import ValidationError

from safelrm.training.presets import recipe_presets
from safelrm.training.settings import SftSettings

# what the publications do not state
UNSTATED = {"lrm_safety_study_v2": {"epochs": 1.0, "max_length": 4096}, "safechain": {"max_length": 4096}}
# the batch and the learning rate of each, by its publication
PUBLISHED = {
    "star1": (128, 1e-5),
    "lrm_safety_study_v2": (48, 5e-6),
    "lrm_safety_study_repository": (64, 5e-6),
    "safechain": (8, 1e-5),
    "alttrain": (16, 1e-5),
}


def recipe(**given):
    return SftSettings.model_validate({"dataset": "d"} | given)


@pytest.mark.parametrize("preset", recipe_presets())
def test_a_preset_needs_a_data_set_and_what_is_not_stated(preset):
    found = recipe(preset=preset, **UNSTATED.get(preset, {}))
    assert (found.batch_size * found.gradient_accumulation, found.learning_rate) == PUBLISHED[preset]
    for key in UNSTATED.get(preset, ()):
        with pytest.raises(ValidationError, match=rf"{key}\n +Field required"):
            recipe(preset=preset, **{name: value for name, value in UNSTATED[preset].items() if name != key})
    # a job is told the settings, not where they come from
    told = found.model_dump(mode="json")
    assert "preset" not in told
    assert SftSettings.model_validate(told) == found.model_copy(update={"preset": None})


def test_keys_of_the_recipe_hold_over_the_preset():
    found = recipe(preset="star1", epochs=2.0, trainer={"adam_beta1": 0.8}, gradient_accumulation=None)
    assert (found.epochs, found.gradient_accumulation, found.max_length) == (2.0, 1, 8192)
    assert found.trainer == {"adam_beta1": 0.8, "adam_beta2": 0.95}
    assert recipe(preset="alttrain", lora={"rank": 8}).lora.alpha == 16
    assert recipe(preset="alttrain", lora=None).lora is None


def test_an_unknown_preset_is_refused():
    with pytest.raises(ValidationError, match="no preset `star2`; there are star1, "):
        recipe(preset="star2")

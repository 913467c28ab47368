"""Presets of SFT: published settings, as data in presets.yaml."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

from safelrm.core.presets import PRESET, laid_over, named_preset

PRESETS = Path(__file__).with_name("presets.yaml")


@cache
def recipe_presets() -> Mapping[str, Mapping[str, object]]:
    """Every preset by its name, as presets.yaml has them."""
    return yaml.safe_load(PRESETS.read_text(encoding="utf-8"))


def with_preset(given: object) -> object:
    """A recipe as the configuration has it, over its preset.

    A mapping within (`lora`, `trainer`) is laid over that of the preset; `null` leaves a key of the preset out.

    Args:
        given: a mapping. Anything else is returned as it is, for pydantic to refuse.

    Raises:
        ValueError: there is no such preset.
    """
    preset = named_preset(given, recipe_presets())
    if preset is None:
        return given
    return laid_over(preset, {key: value for key, value in given.items() if key != PRESET})

"""Presets of SFT: published settings, as data in presets.yaml."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

PRESETS = Path(__file__).with_name("presets.yaml")
PRESET = "preset"


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
    if not isinstance(given, Mapping) or given.get(PRESET) is None:
        return given
    name = given[PRESET]
    if not isinstance(name, str) or name not in recipe_presets():
        raise ValueError(f"there is no preset `{name}`; there are {', '.join(recipe_presets())}")
    return _over(recipe_presets()[name], {key: value for key, value in given.items() if key != PRESET})


def _over(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    both = {**base, **over}
    for key in set(base) & set(over):
        if over[key] is None:
            del both[key]
        elif isinstance(base[key], Mapping) and isinstance(over[key], Mapping):
            both[key] = _over(base[key], over[key])
    return both

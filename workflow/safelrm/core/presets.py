"""Presets: settings by name, kept as data, over which a configuration lays its own."""

from collections.abc import Collection, Mapping
from typing import TypeVar

PRESET = "preset"

Preset = TypeVar("Preset")


def named_preset(given: object, presets: Mapping[str, Preset]) -> Preset | None:
    """The preset that a mapping names; none where it names none, or where it is no mapping.

    Raises:
        ValueError: there is no such preset.
    """
    if not isinstance(given, Mapping) or given.get(PRESET) is None:
        return None
    name = given[PRESET]
    if not isinstance(name, str) or name not in presets:
        raise ValueError(f"there is no preset `{name}`; there are {', '.join(presets)}")
    return presets[name]


def laid_over(
    base: Mapping[str, object],
    over: Mapping[str, object],
    *,
    keep_nulls: bool = False,
    whole: Collection[str] = (),
) -> dict[str, object]:
    """The keys of `base` under those of `over`. A mapping is laid over a mapping; `null` leaves a key of `base` out.

    Args:
        base: what holds where `over` says nothing.
        over: what holds.
        keep_nulls: a null of `over` is a value like others.
        whole: keys whose mappings are one thing, and replace each other.
    """
    both = dict(base)
    for key, value in over.items():
        below = both.pop(key, None)
        if isinstance(value, Mapping) and isinstance(below, Mapping) and key not in whole:
            both[key] = laid_over(below, value, keep_nulls=keep_nulls, whole=whole)
        elif value is not None or keep_nulls or key not in base:
            both[key] = value
    return both

"""Presets of guards: how published guards are asked and read, as data in presets.yaml."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

from safelrm.core.errors import SafeLRMError

PRESETS = Path(__file__).with_name("presets.yaml")
PRESET = "preset"
# keys that hold a text, and the ending of the keys that name a file with that text
TEXTS, FILE = ("template", "system", "last_turn"), "_file"
# of such a text. It becomes a parameter of jobs, and Linux takes arguments of 128 KiB
MOST_BYTES = 16 << 10


@cache
def presets() -> Mapping[str, Mapping[str, object]]:
    """Every preset by its name, as presets.yaml has them."""
    return yaml.safe_load(PRESETS.read_text(encoding="utf-8"))


def completed(given: object) -> object:
    """A reading as the configuration has it, with its preset, its files and its short forms written out.

    Args:
        given: the name of a preset, or a mapping. Anything else is returned as it is, for pydantic to refuse.

    Raises:
        ValueError: there is no such preset, or keys contradict each other.
        SafeLRMError: a file that is named cannot be used.
    """
    found = {PRESET: given} if isinstance(given, str) else given
    if not isinstance(found, Mapping):
        return given
    merged = _with_labels(_with_preset(found))
    for name in TEXTS:
        path = merged.pop(f"{name}{FILE}", None)
        if path is None:
            continue
        if found.get(name) is not None:
            raise ValueError(f"give either `{name}` or `{name}{FILE}`")
        merged[name] = read_text(path, f"{name}{FILE}")
    _require_needed(merged)
    if merged.get("fields") is None:
        raise ValueError("name a `preset`, or give `fields`; docs/guards.md says how")
    return merged


def read_text(path: object, key: str) -> str:
    """The text of a file that the configuration names.

    Raises:
        SafeLRMError: it cannot be read, is empty or too large.
    """
    try:
        text = Path(str(path)).read_bytes()
        if len(text) > MOST_BYTES:
            raise ValueError(f"it has {len(text)} bytes; at most {MOST_BYTES} are allowed")
        if not text.strip():
            raise ValueError("it is empty")
        return text.decode("utf-8")
    except (OSError, ValueError) as error:
        fix = "name a text file (UTF-8), relative to the folder in which Snakemake runs; docs/guards.md says where"
        raise SafeLRMError(
            f"the file cannot be used ({error})", file=str(path), key=f"reading.{key}", fix=f"{fix} publishers have it"
        ) from error


def _with_preset(given: Mapping[str, object]) -> dict[str, object]:
    """The mapping over that of its preset."""
    name = given.get(PRESET)
    rest = {key: value for key, value in given.items() if key != PRESET}
    if name is None:
        return rest
    if not isinstance(name, str) or name not in presets():
        raise ValueError(f"there is no preset `{name}`; there are {', '.join(presets())}")
    return _merged(_with_preset(presets()[name]), rest)


def _merged(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """One mapping over another one, and so for mappings within. What is null is the default again."""
    both = {**base, **over}
    for key in set(base) & set(over):
        if isinstance(base[key], Mapping) and isinstance(over[key], Mapping):
            # a label set is one thing: labels of the preset do not mix with others
            both[key] = over[key] if key == "labels" else _merged(base[key], over[key])
    return {key: value for key, value in both.items() if value is not None or key not in base or key not in over}


def _with_labels(given: dict[str, object]) -> dict[str, object]:
    """The mapping with the short form of two labels written out."""
    names = ("unsafe_label", "safe_label")
    short = {name: given.pop(name) for name in names if given.get(name) is not None}
    if not short:
        return given
    if given.get("fields"):
        raise ValueError(f"leave out `{next(iter(short))}`: `fields` (or the preset) names the labels")
    if len(short) < len(names):
        raise ValueError(f"`{next(name for name in names if name not in short)}` is missing")
    labels = {
        name.removesuffix("_label"): {"spellings": [spelling], "score": float(name == "unsafe_label")}
        for name, spelling in short.items()
    }
    return {**given, "fields": {"safety": {"labels": labels}}}


def _require_needed(merged: dict[str, object]) -> None:
    """Refuse a reading without what its preset says the user must give."""
    for key in merged.pop("needs", None) or ():
        found: object = merged
        for part in str(key).split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if found is None:
            wanted = f"{key}{FILE}" if key in TEXTS else key
            raise ValueError(f"this guard needs `{wanted}`, which is the publisher's: docs/guards.md says where it is")

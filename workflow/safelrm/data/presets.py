"""Presets of data sets: public ones and how they are read, as data in presets.yaml."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from safelrm.core.presets import laid_over, named_preset
from safelrm.core.settings import Count, ModulePath, Strict

PRESETS = Path(__file__).with_name("presets.yaml")
REVISION = "revision"
# keys whose mappings are one thing
WHOLE = frozenset({"kind"})
# keys of a source's settings that say where a data set is on the hub
PLACE = frozenset({"hub", "hub_config", "hub_file", "split", REVISION})
# keys of a source's settings by which it has other rows
CHOICE = frozenset({"hub_config", "hub_file", "split", "where", "where_not", "once", "size"})

Part = dict[str, object]


class DataPreset(Strict):
    """A public data set. In `settings`, `file` and `hub`, a null is a fact that nobody has looked up yet."""

    title: str = Field(description="what the data set is")
    role: Literal["train", "evaluation", "both"] = Field(description="what studies use it for")
    warning: str | None = Field(None, description="what one must know before one trains or evaluates on it")
    licence: str | None = Field(description="licence; none: not known")
    gated: bool | None = Field(description="whether the hub wants its terms accepted; none: not known")
    rows: Count | None = Field(description="rows, before any filter; none: not known")
    hub_rows: Count | None = Field(None, description="rows on the hub, where they differ from those of the file")
    origin: str = Field(description="where these facts come from")
    source: ModulePath = Field(description="module that loads it")
    settings: Part = Field(default_factory=dict, description="settings of that module")
    file: Part | None = Field(None, description="settings for the publisher's file; none: those for the hub's rows")
    hub: Part | None = Field(None, description="settings for the hub's rows; none: it is not taken from a hub")
    find: dict[str, list[str]] = Field(
        default_factory=dict, description="for each unknown setting, the values of which the hub has one"
    )
    choose: dict[str, str] = Field(
        default_factory=dict, description="settings that the user chooses, and what they may be"
    )
    expected: dict[str, float] = Field(default_factory=dict, description="expected size, for estimates")


@cache
def data_presets() -> Mapping[str, DataPreset]:
    """Every preset by its name, as presets.yaml has them."""
    found = yaml.safe_load(PRESETS.read_text(encoding="utf-8"))
    return {name: DataPreset.model_validate(entry) for name, entry in found.items()}


def with_data_preset(given: object) -> object:
    """A data set as the configuration has it, over its preset.

    A mapping within its settings is laid over that of the preset, but for `kind`, which is one thing; `null` leaves a
    key of the preset out. Where the settings name a `path`, those for the publisher's file hold.

    Args:
        given: the data set. What is no mapping, or has no preset, comes back as it is.

    Raises:
        ValueError: nothing has the preset's name.
    """
    preset = named_preset(given, data_presets())
    own = given.get("settings") or {} if preset else None
    if not isinstance(own, Mapping):
        return given
    from_file = own.get("path") is not None
    rows = preset.rows if from_file else preset.hub_rows or preset.rows
    # how many rows other filters leave is not known
    counted = {} if rows is None or CHOICE & own.keys() else {"rows": float(rows)}
    return {
        "source": preset.source,
        **given,
        "settings": laid_over(_settings(preset, from_file=from_file), own, whole=WHOLE),
        "expected": {**counted, **preset.expected, **(given.get("expected") or {})},
    }


def unknown_settings(settings: Mapping[str, object], within: str = "") -> Iterator[str]:
    """The settings of a preset that are not known, as `columns.prompt`. A revision is another matter: it only has to be
    known where the data set is fetched.
    """
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from unknown_settings(value, f"{within}{key}.")
        elif value is None and key != REVISION:
            yield f"{within}{key}"


def _settings(preset: DataPreset, *, from_file: bool) -> Part:
    """The settings of a preset for the publisher's file, or for the hub's rows."""
    if not from_file:
        return laid_over(preset.settings, preset.hub or {}, keep_nulls=True, whole=WHOLE)
    own = {key: value for key, value in (preset.hub or {}).items() if key not in PLACE}
    return laid_over(preset.settings, own if preset.file is None else preset.file, keep_nulls=True, whole=WHOLE)

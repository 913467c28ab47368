"""The mapping `trainer` of a recipe: options of TRL's configuration that the recipe has no key for.

They are checked when the configuration is read. trl_options.json beside this module has the names, JSON types and
choices of all options, so that TRL need not be imported: `python -m safelrm trl_options` writes it, and a test holds it
in step with the installed TRL. Options that a recipe has a key for, and options that SafeLRM sets, are refused.
"""

import difflib
import json
import math
import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import NotRequired, TypedDict

from safelrm.training.reserved import ALIASES, LOCKED_OPTIMISERS, RESERVED

OPTIONS = Path(__file__).with_name("trl_options.json")
# in OPTIONS: what all configuration classes share
COMMON = "common"
PYTHON = {
    "boolean": bool,
    "integer": int,
    "number": int | float,
    "string": str,
    "array": list | tuple,
    "object": Mapping,
    "null": type(None),
}
# YAML 1.1 takes such a number for a text
EXPONENT = re.compile(r"[-+]?\d+[eE][-+]?\d+")


class Option(TypedDict):
    """One option of a configuration class."""

    types: list[str]
    choices: NotRequired[list[str]]


@cache
def known_options(config: str) -> Mapping[str, Option]:
    """The options of a class of TRL by name, such as those of `SFTConfig`."""
    found = json.loads(OPTIONS.read_text(encoding="utf-8"))
    return found[COMMON] | found[config]


def check_options(given: Mapping[str, object], config: str, recipe: Collection[str]) -> None:
    """Check the mapping `trainer` of a recipe.

    Args:
        given: the mapping.
        config: the class of TRL that takes it.
        recipe: the keys of the recipe.

    Raises:
        ValueError: an option is unknown, not to be set here, or of another type, or its value is no choice.
    """
    for name, value in given.items():
        if (reason := refusal(name, recipe)) is not None:
            raise ValueError(f"`{name}` cannot be set here: {reason}")
        known = known_options(config)
        if name not in known:
            near = difflib.get_close_matches(name, [key for key in known if refusal(key, recipe) is None], n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise ValueError(f"TRL's {config} has no option `{name}`{hint}")
        _check_value(name, value, known[name])


def refusal(name: str, recipe: Collection[str]) -> str | None:
    """Why an option is not to be set in `trainer`; None if it may be set.

    Args:
        name: the option.
        recipe: the keys of the recipe.
    """
    key = next((key for key in (name, *ALIASES.get(name, ())) if key in recipe), None)
    if key is not None:
        return f"the recipe's key `{key}` says it"
    return next((reason for reason, names in RESERVED.items() if re.fullmatch("|".join(names), name)), None)


def _check_value(name: str, value: object, option: Option) -> None:
    types = option["types"]
    if not types:
        raise ValueError(f"`{name}` cannot be given in a configuration: JSON has no such type")
    is_bool_for_number = isinstance(value, bool) and "boolean" not in types
    if is_bool_for_number or not any(isinstance(value, PYTHON[kind]) for kind in types):
        hint = ""
        if isinstance(value, str) and EXPONENT.fullmatch(value):
            hint = f"; YAML takes {value} for a text: write it with a decimal point, such as 1.0e-5"
        raise ValueError(f"`{name}` must be of type {' or '.join(types)}, found {value!r}{hint}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"`{name}` must be finite, found {value}")
    choices = LOCKED_OPTIMISERS if name == "optim" else option.get("choices")
    parts = value if isinstance(value, list | tuple) else [value]
    wrong = [part for part in parts if choices and part is not None and part not in choices]
    if wrong:
        more = " (others need packages that the environment does not lock)" if name == "optim" else ""
        raise ValueError(f"`{name}` must be one of {', '.join(choices)}{more}, found {wrong[0]!r}")

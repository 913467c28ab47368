"""Write the options of TRL's configurations, so that recipes can be checked without importing TRL.

Output: training/trl_options.json: for each configuration class (and for `common`, what all of them share) the JSON
types and the choices of every option, as far as its dataclass tells them.
"""

import argparse
import dataclasses
import json
import types
import typing
from enum import Enum
from pathlib import Path

from safelrm.core.cli import run
from safelrm.core.files import atomic_path
from safelrm.training.options import COMMON, OPTIONS, Option

CLASSES = ("SFTConfig", "GRPOConfig", "DPOConfig")
TYPES = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    types.NoneType: "null",
}


def options() -> dict[str, dict[str, Option]]:
    """The options of every class by name; those that all classes have in one form are in `common`."""
    import trl  # noqa: PLC0415  (takes seconds)

    found = {name: _options(getattr(trl, name)) for name in CLASSES}
    first, *others = found.values()
    common = {name: option for name, option in first.items() if all(other.get(name) == option for other in others)}
    own = {name: {key: option for key, option in of.items() if key not in common} for name, of in found.items()}
    return {COMMON: common} | own


def _options(config: type) -> dict[str, Option]:
    hints = typing.get_type_hints(config)
    return {
        field.name: _option(field, hints[field.name])
        for field in sorted(dataclasses.fields(config), key=lambda field: field.name)
        if field.init
    }


def _option(field: dataclasses.Field, hint: object) -> Option:
    parts = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    enums = [part for part in parts if isinstance(part, type) and issubclass(part, Enum)]
    choices = [choice.value for enum in enums for choice in enum] or list(field.metadata.get("choices") or ())
    if field.name == "report_to":
        choices = _services()
    known = {_type(part) for part in parts} - {None} | ({"string"} if enums else set())
    # a mapping may also be given as a text on a command line
    if "object" in known:
        known.discard("string")
    return {"types": sorted(known)} | ({"choices": choices} if choices else {})


def _type(part: object) -> str | None:
    """The JSON type of a type; none for one that JSON lacks."""
    if typing.get_origin(part) is typing.Literal:
        return TYPES[type(typing.get_args(part)[0])]
    return TYPES.get(typing.get_origin(part) or part)


def _services() -> list[str]:
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK  # noqa: PLC0415

    return ["none", *sorted(INTEGRATION_TO_CALLBACK)]


def text(found: dict[str, dict[str, Option]]) -> str:
    """The file's text, with a line for each option."""
    parts = []
    for name, of in found.items():
        lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(option)}" for key, option in of.items())
        parts.append(f"{json.dumps(name)}: {{\n{lines}\n}}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> Path:
    """Run the command; the file that it has written."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with atomic_path(OPTIONS) as path:
        path.write_text(text(options()), encoding="utf-8")
    return OPTIONS


if __name__ == "__main__":
    run(main)

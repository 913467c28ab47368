"""What all command lines share: their parser, settings as JSON, paths by name, and errors as one message."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import end_with_runner, record_time

Settings = TypeVar("Settings", bound=BaseModel)


def command_parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser whose help shows a module's docstring as it is. Options cannot be abbreviated."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )


def stage_parser(description: str | None) -> argparse.ArgumentParser:
    """The argument parser of a stage. It declares `--settings` (JSON)."""
    parser = command_parser(description)
    parser.add_argument("--settings", default="{}", metavar="JSON", help="the stage's slice of the configuration")
    return parser


def parse_settings(model: type[Settings], text: str) -> Settings:
    """The settings of a stage, from JSON.

    Raises:
        SafeLRMError: the text is not JSON, or a key is unknown, missing or of the wrong type.
    """
    try:
        return model.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise SafeLRMError(f"not JSON ({error})", file="--settings", fix="quote the JSON for the shell") from None
    except ValidationError as error:
        raise settings_error(error, "--settings") from None


def settings_error(error: ValidationError, file: str) -> SafeLRMError:
    """One error for all faults that pydantic found. It names the key of each."""
    faults = [
        # a fault of the whole has no key of its own
        (".".join(str(part) for part in fault["loc"]) or None, fault["msg"].removeprefix("Value error, "))
        for fault in error.errors()
    ]
    first, *others = faults
    more = "".join(f"\n  also {f'{key}: ' if key else ''}{message}" for key, message in others)
    return SafeLRMError(first[1] + more, file=file, key=first[0], fix="docs/configuration.md lists every key")


def named_paths(option: str, arguments: Sequence[str]) -> dict[str, Path]:
    """Paths by name, in order, from `name=path` arguments of a command-line option.

    Raises:
        SafeLRMError: an argument is of another form, or a name is given twice.
    """
    paths: dict[str, Path] = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not (name and equals and path):
            raise SafeLRMError(f"{argument!r} is not of the form name=path", file=option, fix="write name=path")
        if name in paths:
            raise SafeLRMError("the name is given twice", file=option, key=name, fix="give every name once")
        paths[name] = Path(path)
    return paths


def run(main: Callable[[], Path | None]) -> None:
    """Run a command. A `SafeLRMError` becomes one message on standard error and exit status 1.

    Args:
        main: runs the command, and returns the manifest that it has written, if it has written one.
    """
    end_with_runner()
    try:
        made = main()
    except SafeLRMError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    record_time(Path(sys.argv[0]).stem, made)

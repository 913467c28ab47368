"""Modules that the configuration registers for results: trace analyses, tables and figures.

A job imports its module here. A fault of the module is one error that names it.
"""

import importlib
from types import ModuleType

from pydantic import BaseModel

from safelrm.core.cli import parse_settings
from safelrm.core.errors import SafeLRMError


def load_registered(path: str, kind: str, *offers: str) -> ModuleType:
    """The registered module at a dotted path.

    Args:
        path: the dotted path.
        kind: what the module makes, for messages, such as "figure".
        offers: the functions that such a module must define.

    Raises:
        SafeLRMError: there is no such module, or it lacks a function.
    """
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{path}.".startswith(f"{error.name}."):
            raise
        raise fault(path, "there is no such module", f"name the module of a {kind}") from None
    missing = [name for name in offers if not callable(getattr(module, name, None))]
    if missing:
        raise fault(path, f"this module of a {kind} defines no function {missing}", "define it")
    return module


def own_settings(module: ModuleType, text: str) -> tuple[BaseModel, ...]:
    """The last argument of the module's functions: its own settings, from JSON. None if it has no `Settings`.

    Raises:
        SafeLRMError: the text is not JSON, or a key is unknown, missing or of the wrong type.
    """
    return (parse_settings(module.Settings, text),) if hasattr(module, "Settings") else ()


def fault(path: str, problem: str, fix: str) -> SafeLRMError:
    """The error of a registered module."""
    return SafeLRMError(problem, file=path, fix=fix)

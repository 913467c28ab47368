"""Modules that the configuration registers for results: trace analyses, tables and figures.

A fault of the module is one error that names it.
"""

from types import ModuleType

from pydantic import BaseModel

from safelrm.core.cli import parse_settings
from safelrm.core.errors import SafeLRMError


def own_settings(module: ModuleType, text: str) -> tuple[BaseModel, ...]:
    """The last argument of the module's functions: its own settings, from JSON. None if it has no `Settings`.

    Raises:
        SafeLRMError: the text is not JSON, or a key is unknown, missing or of the wrong type.
    """
    return (parse_settings(module.Settings, text),) if hasattr(module, "Settings") else ()


def fault(path: str, problem: str, fix: str) -> SafeLRMError:
    """The error of a registered module."""
    return SafeLRMError(problem, file=path, fix=fix)

"""Modules that the configuration names by their dotted path: sources, factories, judges, terms of a reward."""

import importlib
import traceback
from types import ModuleType

from safelrm.core.errors import SafeLRMError

FIX = "correct the module, or name another one; docs/extending.md says what each kind of module offers"


def load_registered(path: str, *offers: str) -> ModuleType:
    """The module at a dotted path.

    Args:
        path: the dotted path.
        offers: the functions, classes and constants that such a module defines.

    Raises:
        SafeLRMError: there is no such module, its import fails, or it does not define what it must.
    """
    try:
        module = importlib.import_module(path)
    except SafeLRMError:
        raise
    except ModuleNotFoundError as error:
        if error.name and (path == error.name or path.startswith(f"{error.name}.")):
            fix = "correct the path, or name the module's folder in `plugins`"
            raise SafeLRMError("there is no such module", file=path, fix=fix) from None
        raise SafeLRMError(f"{_place(error)}{error}", file=path, fix=FIX) from error
    except SyntaxError as error:
        raise SafeLRMError(f"line {error.lineno}: {error.msg}", file=error.filename or path, fix=FIX) from None
    except Exception as error:
        raise SafeLRMError(f"its import fails: {_place(error)}{error!r}", file=path, fix=FIX) from error
    # functions have small letters, constants capital ones
    missing = [name for name in offers if not (callable if name.islower() else bool)(getattr(module, name, None))]
    if missing:
        raise SafeLRMError(f"does not define {missing}", file=path, fix=FIX)
    return module


def module_fault(path: str, problem: str, *, key: str | None = None) -> SafeLRMError:
    """The error that a registered module has given something wrong.

    Args:
        path: the module.
        problem: what it has given, as a phrase without a full stop.
        key: its function, or the column at fault.
    """
    return SafeLRMError(problem, file=path, key=key, fix=FIX)


def _place(error: Exception) -> str:
    """Where an error was raised, as `line 3 of mine.py: `."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"line {frames[-1].lineno} of {frames[-1].filename}: " if frames else ""

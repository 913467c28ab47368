"""The modules that the configuration selects for generation, with their settings."""

import importlib
from types import ModuleType

from pydantic import BaseModel, ValidationError

from safelrm.core.cli import settings_error
from safelrm.core.errors import SafeLRMError
from safelrm.generation.settings import SelectedModule


def load_selected(chosen: SelectedModule, what: str, *offers: str) -> tuple[ModuleType, BaseModel]:
    """A selected module and its settings.

    Args:
        chosen: the module's path, and its settings as the configuration gives them.
        what: what the module should be, for messages.
        offers: the functions of which it must define one or more.

    Raises:
        SafeLRMError: it cannot be imported, is not of this kind, or takes other settings.
    """
    try:
        module = importlib.import_module(chosen.module)
    except ImportError as error:
        raise SafeLRMError(
            f"cannot be imported ({error})", file=chosen.module, fix=f"name the module of {what}"
        ) from error
    if not hasattr(module, "Settings") or not any(hasattr(module, name) for name in offers):
        raise SafeLRMError(
            f"defines no `Settings`, or no {' or '.join(f'`{name}`' for name in offers)}",
            file=chosen.module,
            fix=f"define both, or name the module of {what}",
        )
    try:
        return module, module.Settings.model_validate(chosen.settings)
    except ValidationError as error:
        raise settings_error(error, chosen.module) from None

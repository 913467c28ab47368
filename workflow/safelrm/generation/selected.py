"""The modules that the configuration selects for generation, with their settings."""

from types import ModuleType

from pydantic import BaseModel, ValidationError

from safelrm.core.cli import settings_error
from safelrm.core.errors import SafeLRMError
from safelrm.core.registered import load_registered
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
    module = load_registered(chosen.module, "Settings")
    if not any(hasattr(module, name) for name in offers):
        names = " or ".join(f"`{name}`" for name in offers)
        raise SafeLRMError(f"defines no {names}", file=chosen.module, fix=f"define it, or name the module of {what}")
    try:
        return module, module.Settings.model_validate(chosen.settings)
    except ValidationError as error:
        raise settings_error(error, chosen.module) from None

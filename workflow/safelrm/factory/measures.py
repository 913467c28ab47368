"""Which measures of a probe are asked for."""

from collections.abc import Collection

from safelrm.core.errors import SafeLRMError


def chosen(measures: Collection[str], available: Collection[str]) -> list[str]:
    """The measures asked for, in the order of those available; all of them if none is named.

    Raises:
        SafeLRMError: one is unknown.
    """
    unknown = sorted(set(measures) - set(available))
    if unknown:
        raise SafeLRMError(f"unknown measures {unknown}", key="until", fix=f"use measures of {list(available)}")
    return [name for name in available if not measures or name in measures]

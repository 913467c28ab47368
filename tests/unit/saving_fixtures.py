"""A clock that goes on by a minute whenever a training looks at it, which it does once after each step."""

import itertools

import pytest

from safelrm.core import saving

# the same as a sitecustomize.py, for the processes of a run; of several that train together the second one's clock
# goes, and all others stand still
SITE = """
import itertools, os
from safelrm.core import saving
looks = itertools.count()
saving.monotonic = lambda: 60 * next(looks) if os.environ.get("RANK", "1") == "1" else 0
"""


def save_every(patch: pytest.MonkeyPatch, looks: int) -> None:
    """Let trainings in this process save at every so many looks."""
    count = itertools.count()
    patch.setattr(saving, "monotonic", lambda: 60 * next(count))
    patch.setenv(saving.SAVE_MINUTES, str(looks))

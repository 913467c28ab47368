"""What the tests of the launcher share: programs that they run below it, and their environment."""

import os
import sys
from pathlib import Path

from safelrm.core.process import RUNNER
from safelrm.operations.devices import VISIBLE

WORKFLOW = Path(__file__).parents[2] / "workflow"
PYTHON = [sys.executable, "-c"]


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in (RUNNER, VISIBLE)}
    return kept | {"PYTHONPATH": str(WORKFLOW)} | changes

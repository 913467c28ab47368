"""Code in a process of its own: an engine keeps its memory, and its environment, until its process ends."""

import os
import subprocess
import sys
from pathlib import Path

WORKFLOW = Path(__file__).parents[2] / "workflow"


def run_code(code: str, *arguments: object, folder: Path) -> str:
    """Run Python code in `folder`, with the package of this checkout; its standard output."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(WORKFLOW)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout

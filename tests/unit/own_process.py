"""Code in a process of its own: an engine keeps its memory, and its environment, until its process ends."""

import os
import subprocess
import sys
from pathlib import Path

from warm_python import warm_python

WORKFLOW = Path(__file__).parents[2] / "workflow"


def run_code(code: str, *arguments: object, folder: Path, warm: bool = True) -> str:
    """Run Python code in `folder`, with the package of this checkout; its standard output.

    Args:
        code: what is run.
        arguments: those of the process.
        folder: where it works.
        warm: whether the process begins with the large packages imported, or with nothing.
    """
    command = [warm_python() if warm else sys.executable, "-c", code, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(WORKFLOW)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout

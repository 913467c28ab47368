"""Make a guard with a model factory: a language model that answers with a word for safe or unsafe.

Its inputs, outputs and factories are those of the stage `base` (models/base.py).
"""

from pathlib import Path

from safelrm.core.cli import run
from safelrm.models.base import make_model


def main() -> Path:
    """Run the stage; the manifest that it has written."""
    return make_model("guard", __doc__)


if __name__ == "__main__":
    run(main)

"""Make a guard with a model factory: a language model that answers with a word for safe or unsafe.

Inputs, outputs and factories are those of the stage `base` (models/base.py).
"""

from safelrm.core.cli import run
from safelrm.models.base import make_model


def main() -> None:
    """Run the stage."""
    make_model("guard", __doc__)


if __name__ == "__main__":
    run(main)

"""Make a guard with a model factory: a classifier that answers with a word for safe or unsafe.

Writes the folder `model` beside the manifest, the training curve and the manifest.
"""

from safelrm.core.cli import run
from safelrm.factory.stage import make_model


def main() -> None:
    """The command line."""
    make_model("guard", __doc__)


if __name__ == "__main__":
    run(main)

"""Make a base model with a model factory.

Writes the folder `model` beside the manifest (safetensors weights, configuration, tokenizer with its chat
template), the training curve and the manifest.
"""

from safelrm.core.cli import run
from safelrm.factory.stage import make_model


def main() -> None:
    """The command line."""
    make_model("base", __doc__)


if __name__ == "__main__":
    run(main)

"""Supervised fine-tuning of a checkpoint on conversations.

Input:  the manifest of a checkpoint, and a conversations table.
Output: the manifest of the trained model, whose folder lies beside it, and the training curve.

The module training/supervised.py describes the training.
"""

import argparse
from functools import partial
from pathlib import Path

from safelrm.core.cli import parse_settings, run
from safelrm.data.schemas import CONVERSATIONS
from safelrm.training.command import prepare_process, run_training, training_parser
from safelrm.training.settings import SftSettings


def arguments() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = training_parser(__doc__)
    parser.add_argument("--data", required=True, type=Path, help="the conversations table")
    return parser


def main() -> Path:
    """Run the command; the manifest that it has written."""
    options = arguments().parse_args()
    settings = parse_settings(SftSettings, options.settings)
    conversations = CONVERSATIONS.read(options.data)
    prepare_process()
    # imported only now: the training libraries read the environment when they are imported, which takes seconds
    from safelrm.training.supervised import train  # noqa: PLC0415

    return run_training("sft", options, [options.data], settings, partial(train, conversations, settings))


if __name__ == "__main__":
    run(main)

"""Supervised fine-tuning of a checkpoint on conversations.

Input:  a checkpoint's manifest, and a conversations table.
Output: the manifest of the trained model, whose folder lies beside it, and the training curve.

How it is trained is said in training/supervised.py.
"""

import argparse
from functools import partial
from pathlib import Path

from safelrm.core.cli import parse_settings, run
from safelrm.core.work import run_resumably
from safelrm.data.schemas import CONVERSATIONS
from safelrm.training.command import prepare_process, training_outputs, training_parser
from safelrm.training.settings import SftSettings


def arguments() -> argparse.ArgumentParser:
    """The stage's command line."""
    parser = training_parser(__doc__)
    parser.add_argument("--data", required=True, type=Path, help="the conversations table")
    return parser


def main() -> None:
    """Run the stage."""
    options = arguments().parse_args()
    settings = parse_settings(SftSettings, options.settings)
    conversations = CONVERSATIONS.read(options.data)
    prepare_process()
    # only now: the training libraries read the environment when they are imported, and take seconds for it
    from safelrm.training.supervised import train  # noqa: PLC0415

    fine_tune = partial(
        train,
        conversations,
        settings,
        checkpoint=options.checkpoint,
        seed=options.seed,
        manifest=options.manifest,
        curve=options.curve,
    )
    run_resumably("sft", options, [options.checkpoint, options.data], training_outputs(options), fine_tune)


if __name__ == "__main__":
    run(main)

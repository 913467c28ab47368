"""The command line that the stages sft and rl share. Nothing here imports a training library."""

import argparse
from pathlib import Path

from safelrm.core.checkpoints import model_folder
from safelrm.core.work import resumable_parser


def training_parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser with the checkpoint to train, the arm's seed and the outputs already declared."""
    parser = resumable_parser(description)
    parser.add_argument("--checkpoint", required=True, type=Path, help="manifest of the model to train")
    parser.add_argument("--seed", required=True, type=int, help="seed of the arm")
    parser.add_argument("--manifest", required=True, type=Path, help="manifest to write")
    parser.add_argument("--curve", required=True, type=Path, help="training curve to write")
    return parser


def training_outputs(options: argparse.Namespace) -> list[Path]:
    """What a training writes."""
    return [options.manifest, model_folder(options.manifest), options.curve]

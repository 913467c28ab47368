"""Supervised fine-tuning of a checkpoint on conversations.

Input:  the manifest of a checkpoint, and a conversations table, or several of them that are mixed, or a candidates
        table, of which the best of each prompt are the conversations; what probes ask.
Output: the manifest of the trained model, whose folder lies beside it, the training curve, and the answers to probes.

The module training/supervised.py describes the training.
"""

import argparse
from functools import partial
from pathlib import Path

from safelrm.core.cli import named_paths, parse_settings, run
from safelrm.data.schemas import CONVERSATIONS
from safelrm.training.best_of import best_of
from safelrm.training.command import prepare_process, run_training, training_parser
from safelrm.training.mixture import mix_conversations
from safelrm.training.probing import probing_of
from safelrm.training.sampled import noting_samples, sampled_tokens
from safelrm.training.schemas import CANDIDATES
from safelrm.training.settings import SftJobSettings


def arguments() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = training_parser(__doc__)
    parser.add_argument("--data", required=True, nargs="+", metavar="NAME=PATH", help="the tables")
    return parser


def main() -> Path:
    """Run the command; the manifest that it has written."""
    options = arguments().parse_args()
    settings = parse_settings(SftJobSettings, options.settings)
    files = named_paths("--data", options.data)
    table = CANDIDATES if settings.candidates else CONVERSATIONS
    tables = {name: table.read(path) for name, path in files.items()}
    if settings.candidates:
        (candidates,) = tables.values()
        conversations = best_of(candidates, settings.min_reward)
    elif settings.mixture:
        conversations = mix_conversations(tables, settings.mixture, settings.size)
    else:
        (conversations,) = tables.values()
    probing = probing_of(options, settings)
    prepare_process()
    # imported only now: the training libraries read the environment when they are imported, which takes seconds
    from safelrm.training.supervised import train  # noqa: PLC0415

    tune = partial(train, conversations, settings, probing=probing, templates=settings.templates)
    if settings.candidates:
        tune = noting_samples(tune, sampled_tokens(candidates))
    return run_training("sft", options, [*files.values(), *probing.inputs], settings, tune)


if __name__ == "__main__":
    run(main)

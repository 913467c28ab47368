"""Reinforcement learning of a checkpoint on prompts, with a reward of several terms.

Input:  the manifest of a checkpoint, the manifests of the guards that are read, if any, prompts tables, and what probes
        ask.
Output: the manifest of the trained model, whose folder lies beside it, the training curve, and the answers to probes.

The module training/reinforced.py describes the training; training/rewards/base.py describes reward terms.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from safelrm.core.cli import named_paths, parse_settings, run
from safelrm.core.errors import SafeLRMError
from safelrm.data.schemas import PROMPTS
from safelrm.training.command import hide_vllm_from_trl, prepare_process, run_training, training_parser
from safelrm.training.probing import probing_of
from safelrm.training.settings import RlJobSettings, RlSettings


def prompt_files(arguments: Sequence[str], settings: RlSettings) -> dict[str, Path]:
    """The paths of the prompts tables by data set, in the order of the recipe, from `name=path` arguments.

    Raises:
        SafeLRMError: an argument has another form, or the names are not the data sets of the recipe.
    """
    paths = named_paths("--prompts", arguments)
    names = [share.dataset for share in settings.prompts]
    if set(paths) != set(names):
        raise SafeLRMError(
            f"names {sorted(paths)}, but the recipe names {sorted(names)}",
            file="--prompts",
            fix="give each data set of the recipe once",
        )
    return {name: paths[name] for name in names}


def arguments() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = training_parser(__doc__)
    parser.add_argument("--prompts", required=True, nargs="+", metavar="NAME=PATH", help="the prompts tables")
    return parser


def main() -> Path:
    """Run the command; the manifest that it has written."""
    options = arguments().parse_args()
    settings = parse_settings(RlJobSettings, options.settings)
    probing = probing_of(options, settings)
    guards = {name: probing.guards[name] for name in settings.guards}
    files = prompt_files(options.prompts, settings)
    prompts = {name: PROMPTS.read(path) for name, path in files.items()}
    prepare_process()
    if settings.vllm is None:
        hide_vllm_from_trl()
    # imported only now: the training libraries read the environment when they are imported, which takes seconds
    from safelrm.training.reinforced import train  # noqa: PLC0415

    told = {"guards": guards, "readings": probing.readings, "templates": settings.templates, "probing": probing}
    reinforce = partial(train, prompts, settings, **told)
    return run_training("rl", options, [*files.values(), *probing.inputs], settings, reinforce)


if __name__ == "__main__":
    run(main)

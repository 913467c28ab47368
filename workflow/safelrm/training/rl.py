"""Reinforcement learning of a checkpoint on prompts, with a reward of several terms.

Input:  a checkpoint's manifest, the manifest of the guard that gives the safety reward, and prompts tables.
Output: the manifest of the trained model, whose folder lies beside it, and the training curve.

How it is trained is said in training/reinforced.py, what a reward term is in training/rewards/base.py.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from safelrm.core.cli import named_paths, parse_settings, run
from safelrm.core.errors import SafeLRMError
from safelrm.core.work import run_resumably
from safelrm.data.schemas import PROMPTS
from safelrm.inference.settings import GuardSettings
from safelrm.training.command import hide_vllm_from_trl, prepare_process, training_outputs, training_parser
from safelrm.training.settings import RlSettings


def prompt_files(arguments: Sequence[str], settings: RlSettings) -> dict[str, Path]:
    """The prompts tables of the recipe, in its order, from `name=path` arguments.

    Raises:
        SafeLRMError: an argument is not of that form, or the names are not those of the recipe.
    """
    paths = named_paths("--prompts", arguments)
    names = [share.dataset for share in settings.prompts]
    if set(paths) != set(names):
        raise SafeLRMError(
            f"names {sorted(paths)}, the recipe {sorted(names)}", file="--prompts", fix="give each data set once"
        )
    return {name: paths[name] for name in names}


def arguments() -> argparse.ArgumentParser:
    """The stage's command line."""
    parser = training_parser(__doc__)
    parser.add_argument("--guard", required=True, type=Path, help="manifest of the guard that gives the reward")
    parser.add_argument("--guard-settings", required=True, metavar="JSON", help="how the guard is asked and read")
    parser.add_argument("--prompts", required=True, nargs="+", metavar="NAME=PATH", help="the prompts tables")
    return parser


def main() -> None:
    """Run the stage."""
    options = arguments().parse_args()
    settings = parse_settings(RlSettings, options.settings)
    guard_settings = parse_settings(GuardSettings, options.guard_settings)
    files = prompt_files(options.prompts, settings)
    prompts = {name: PROMPTS.read(path) for name, path in files.items()}
    prepare_process()
    if settings.vllm is None:
        hide_vllm_from_trl()
    # only now: the training libraries read the environment when they are imported, and take seconds for it
    from safelrm.training.reinforced import train  # noqa: PLC0415

    reinforce = partial(
        train,
        prompts,
        settings,
        checkpoint=options.checkpoint,
        guard=options.guard,
        guard_settings=guard_settings,
        seed=options.seed,
        manifest=options.manifest,
        curve=options.curve,
    )
    inputs = [options.checkpoint, options.guard, *files.values()]
    run_resumably("rl", options, inputs, training_outputs(options), reinforce)


if __name__ == "__main__":
    run(main)

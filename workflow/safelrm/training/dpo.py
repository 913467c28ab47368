"""Direct preference optimisation of a checkpoint on pairs of its own candidates.

Input:  the manifest of a checkpoint, and a candidates table that this checkpoint has written.
Output: the manifest of the trained model, whose folder lies beside it, the training curve, and the answers to probes.

The module training/preferred.py describes the training.
"""

import argparse
from functools import partial
from pathlib import Path

from safelrm.core.cli import parse_settings, run
from safelrm.training.best_of import preference_pairs
from safelrm.training.candidate_settings import DpoSettings
from safelrm.training.command import prepare_process, run_training, training_parser
from safelrm.training.probing import probing_of
from safelrm.training.sampled import noting_samples, sampled_tokens
from safelrm.training.schemas import CANDIDATES


def arguments() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = training_parser(__doc__)
    parser.add_argument("--candidates", required=True, type=Path, help="the candidates table")
    return parser


def main() -> Path:
    """Run the command; the manifest that it has written."""
    options = arguments().parse_args()
    settings = parse_settings(DpoSettings, options.settings)
    candidates = CANDIDATES.read(options.candidates)
    pairs = preference_pairs(candidates, settings.min_margin)
    probing = probing_of(options, settings)
    prepare_process()
    # imported only now: the training libraries read the environment when they are imported, which takes seconds
    from safelrm.training.preferred import train  # noqa: PLC0415

    prefer = noting_samples(partial(train, pairs, settings, probing=probing), sampled_tokens(candidates))
    return run_training("dpo", options, [options.candidates, *probing.inputs], settings, prefer)


if __name__ == "__main__":
    run(main)

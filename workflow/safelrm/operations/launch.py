"""Start a stage on the GPUs and nodes that its job was given.

    python -m safelrm launch --gpus 4 --nodes 1 -- safelrm.training.sft <arguments of the stage>

This is how a job runs and never what it computes: no rule depends on this module, and a stage started without it does
the same on one device. With at most one GPU the stage runs in this process. With several, a stage that trains runs in
one process per GPU (launching/workers.py), on several nodes below one launcher per node (launching/slurm.py); a stage
that asks an engine runs in this process, and the engine splits its model over the GPUs (inference/engine.py).
"""

import argparse
import os
import runpy
import sys
from collections.abc import Sequence

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import GPUS
from safelrm.operations.launching.devices import claim_devices

TRAINING = ("safelrm.training.sft", "safelrm.training.rl")
ENGINES = ("safelrm.generation.rollouts", "safelrm.judging.judge")


def arguments() -> argparse.ArgumentParser:
    """The launcher's command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--gpus", type=int, required=True, help="GPUs of the job in all; 0: it runs on the CPU")
    parser.add_argument("--nodes", type=int, required=True, help="machines that these are spread over evenly")
    parser.add_argument("stage", help="module of the stage, after --")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="arguments of the stage")
    return parser


def check(stage: str, gpus: int, nodes: int) -> None:
    """Refuse what cannot run.

    Raises:
        SafeLRMError: a number makes no sense, or the stage cannot use that many GPUs or nodes.
    """
    if gpus < 0 or nodes < 1:
        raise SafeLRMError(
            f"{gpus} GPUs on {nodes} nodes", file=stage, key="gpu", fix="give 0 GPUs or more, 1 node or more"
        )
    if nodes > 1 and (gpus == 0 or gpus % nodes):
        raise SafeLRMError(
            f"{gpus} GPUs cannot be spread evenly over {nodes} nodes",
            file=stage,
            key="nodes",
            fix="make gpu a multiple of nodes",
        )
    if nodes > 1 and stage not in TRAINING:
        raise SafeLRMError(
            f"runs on one node, not on {nodes}: only training is spread over nodes",
            file=stage,
            key="nodes",
            fix="give the job one node with enough GPUs",
        )
    if gpus > 1 and stage not in TRAINING + ENGINES:
        raise SafeLRMError(f"cannot use {gpus} GPUs", file=stage, key="gpu", fix="give the job one GPU")


def run_here(stage: str, stage_arguments: Sequence[str]) -> None:
    """Run a stage in this process, as `python -m` would."""
    sys.argv = [stage, *stage_arguments]
    runpy.run_module(stage, run_name="__main__", alter_sys=True)


def main() -> None:
    """Start the stage."""
    options = arguments().parse_args()
    try:
        check(options.stage, options.gpus, options.nodes)
        os.environ[GPUS] = str(options.gpus)
        if options.gpus > 1 and options.stage in TRAINING:
            # only now: what one process does not need is not imported
            from safelrm.operations.launching.training import train_in_processes  # noqa: PLC0415

            sys.exit(train_in_processes(options.stage, options.arguments, options.gpus, options.nodes))
        # held until this process ends
        _claimed = claim_devices(options.gpus)
    except SafeLRMError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    run_here(options.stage, options.arguments)


if __name__ == "__main__":
    main()

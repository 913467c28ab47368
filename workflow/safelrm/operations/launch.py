"""Start a stage on the GPUs and nodes that its job was given.

    python -m safelrm launch --gpus 4 --nodes 1 -- safelrm.training.sft <arguments of the stage>

The launcher decides how a job runs and never what it computes: no rule's code hash holds it. A stage runs in this
process, and its engine splits a model over several GPUs. Only training takes one process per GPU instead, and on
several nodes srun starts this launcher once on each of them.
"""

import argparse
import gc
import os
import runpy
import shutil
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import CORES, GPUS, end_with_runner
from safelrm.operations.devices import claim_devices
from safelrm.operations.workers import run_together, training_workers

TRAINING = ("safelrm.training.sft", "safelrm.training.dpo", "safelrm.training.rl")
ENGINES = (
    "safelrm.analysis.trajectory",
    "safelrm.generation.distill",
    "safelrm.generation.rollouts",
    "safelrm.training.candidates",
    "safelrm.judging.judge",
    "safelrm.judging.judge_distilled",
    "safelrm.judging.judge_labelled",
)
# when Python looks for garbage: new objects, and how often among all young and all old ones. On GPUs, garbage may hold
# memory that is scarce
RARELY = (50_000, 20, 100)


def arguments() -> argparse.ArgumentParser:
    """The launcher's command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--gpus", type=int, required=True, help="GPUs of the job in all; 0: it runs on the CPU")
    parser.add_argument("--nodes", type=int, required=True, help="machines that these are spread over evenly")
    parser.add_argument("--cores", type=int, default=1, help="cores of a job on the CPU; 1: it has one thread")
    parser.add_argument("--port", type=int, help="given to the launchers that srun starts: where processes meet")
    parser.add_argument("stage", help="module of the stage, after --")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="arguments of the stage")
    return parser


def check(stage: str, gpus: int, nodes: int) -> None:
    """Refuse what cannot run.

    Raises:
        SafeLRMError: a number makes no sense, or the stage cannot use that many GPUs or nodes.
    """
    key, problem, fix = "nodes", "", ""
    if gpus < 0 or nodes < 1:
        problem, key, fix = f"{gpus} GPUs on {nodes} nodes", "gpu", "give 0 GPUs or more, 1 node or more"
    elif nodes > 1 and (gpus == 0 or gpus % nodes):
        problem, fix = f"{gpus} GPUs cannot be spread evenly over {nodes} nodes", "make gpu a multiple of nodes"
    elif nodes > 1 and stage not in TRAINING:
        problem, fix = f"only training can run on {nodes} nodes", "give the job one node with enough GPUs"
    elif gpus > 1 and stage not in TRAINING + ENGINES:
        problem, key, fix = f"cannot use {gpus} GPUs", "gpu", "give the job one GPU"
    if problem:
        raise SafeLRMError(problem, file=stage, key=key, fix=fix)


def train(command: Sequence[str], gpus: int, nodes: int, port: int | None) -> int:
    """Run a command in one process per GPU of the job, and return the exit status."""
    if port is not None:
        # srun ends this launcher; the Snakemake of this job is a process of another node
        return train_here(command, gpus, nodes, port)
    end_with_runner()
    if nodes == 1:
        return train_here(command, gpus, nodes, free_port())
    if "SLURM_JOB_ID" not in os.environ or shutil.which("srun") is None:
        problem, fix = "several nodes need a SLURM job with srun", "run Snakemake with a SLURM profile, or use one node"
        raise SafeLRMError(problem, key="nodes", fix=fix)
    launcher = [sys.executable, "-m", "safelrm.operations.launch", "--port", str(free_port()), *sys.argv[1:]]
    # SIGTERM would make srun kill all tasks at once; other signals it passes on
    return run_together([(srun_command(nodes, launcher), dict(os.environ))], passed_on=signal.SIGUSR1)


def srun_command(nodes: int, command: Sequence[str]) -> list[str]:
    """A command that runs another one once on each node of the job, and ends all if one fails."""
    options = [f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit=1"]
    # the first node still writes the model when the others have ended: a site's WaitTime would have it killed
    options.append("--wait=0")
    # a launcher's processes share what the job has on its node, and need nothing of MPI
    options += ["--cpu-bind=none", "--mpi=none"]
    # the launcher may itself be in a step of the job, which holds what the new step needs
    return ["srun", "--overlap", *options, *command]


def train_here(command: Sequence[str], gpus: int, nodes: int, port: int) -> int:
    """Run a command in one process per GPU of this machine, and return the exit status.

    The processes of several nodes meet where srun was started, which must be the first node.
    """
    here, node, host = gpus // nodes, 0, "127.0.0.1"
    if nodes > 1:
        node, host = int(os.environ["SLURM_NODEID"]), os.environ["SLURM_LAUNCH_NODE_IPADDR"]
        where = f"node {node} ({os.environ['SLURMD_NODENAME']})"
        print(f"{where}: {here} of {gpus} processes, which meet at {host}:{port}", file=sys.stderr, flush=True)
        try:
            port = free_port(host, port) if node == 0 else port
        except OSError as error:
            fix = "start the job on its first node; if the address is in use, start it again"
            raise SafeLRMError(f"{where} cannot listen: {error.strerror}", key="nodes", fix=fix) from None
    _claims = claim_devices(here)
    workers = training_workers(command, (host, port), here=here, size=gpus, first=node * here)
    return run_together(workers, passed_on=signal.SIGTERM)


def free_port(host: str = "", port: int = 0) -> int:
    """A free port of this machine: the given one, or any. It is an OSError if there is none at this address."""
    with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
        return server.getsockname()[1]


def recorded(options: argparse.Namespace) -> AbstractContextManager[None]:
    """Within the block, a training that a rule starts is recorded (`record.py`). What this needs loads for it alone."""
    if "--curve" not in options.arguments or options.port is not None:
        return nullcontext()
    record = import_module("safelrm.operations.record")
    return record.recorded(options.stage, options.arguments, options.gpus, options.nodes, options.cores)


def run_stage(options: argparse.Namespace) -> None:
    """Run the stage in one process per GPU if it trains on several, and else in this process.

    Raises:
        SafeLRMError: the machine has too few GPUs, or SLURM does not start the nodes.
    """
    stage, gpus = options.stage, options.gpus
    if gpus > 1 and stage in TRAINING:
        sys.exit(train([sys.executable, "-m", stage, *options.arguments], gpus, options.nodes, options.port))
    # held until this process ends
    _claims = claim_devices(gpus)
    if not gpus:
        # modules stay: to search them for garbage again and again takes a sixth of a job's start
        gc.set_threshold(*RARELY)
    sys.argv = [stage, *options.arguments]
    runpy.run_module(stage, run_name="__main__", alter_sys=True)


def main() -> None:
    """Start the stage."""
    options = arguments().parse_args()
    try:
        check(options.stage, options.gpus, options.nodes)
        os.environ[GPUS] = str(options.gpus)
        os.environ[CORES] = str(1 if options.gpus else options.cores)
        if options.stage in ENGINES:
            # an engine has one thread: a job with several cores starts several engines (inference/processes.py)
            os.environ["OMP_NUM_THREADS"] = "1"
        with recorded(options):
            run_stage(options)
    except SafeLRMError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()

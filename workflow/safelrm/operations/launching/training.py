"""Training in one process per GPU, on one node or several."""

import os
import signal
import socket
import sys
from collections.abc import Sequence

from safelrm.core.process import end_with_runner
from safelrm.operations.launching.devices import claim_devices
from safelrm.operations.launching.slurm import (
    MAIN_PROCESS,
    free_port,
    main_process,
    node_rank,
    step_command,
    step_environment,
)
from safelrm.operations.launching.workers import Group, run_workers


def train_in_processes(stage: str, arguments: Sequence[str], gpus: int, nodes: int) -> int:
    """Run a stage in `gpus` processes, and wait for all of them.

    On several nodes it starts itself again below SLURM, once per node.

    Returns:
        the exit status of the job.

    Raises:
        SafeLRMError: there is no SLURM job to start the other nodes in, or too few GPUs.
    """
    end_with_runner()
    if nodes > 1 and MAIN_PROCESS not in os.environ:
        return _start_nodes(stage, arguments, gpus, nodes)
    here = gpus // nodes
    _claimed = claim_devices(here)
    host, port = main_process() if nodes > 1 else ("127.0.0.1", free_port())
    group = Group(host=host, port=port, size=gpus, first=node_rank() * here if nodes > 1 else 0, here=here)
    if nodes > 1:
        where = f"node {node_rank()} ({os.environ.get('SLURMD_NODENAME', socket.gethostname())})"
        print(f"{where}: {here} of {gpus} processes, which meet at {host}:{port}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", stage, *arguments]
    return run_workers(group.workers(command), passed_on=signal.SIGTERM)


def _start_nodes(stage: str, arguments: Sequence[str], gpus: int, nodes: int) -> int:
    command = [
        sys.executable,
        "-m",
        "safelrm.operations.launch",
        "--gpus",
        str(gpus),
        "--nodes",
        str(nodes),
        "--",
        stage,
    ]
    environment = step_environment()
    # to srun SIGTERM means to kill all tasks at once; other signals it passes on
    return run_workers([(step_command(nodes, [*command, *arguments]), environment)], passed_on=signal.SIGUSR1)

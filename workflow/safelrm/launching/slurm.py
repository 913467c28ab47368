"""Several nodes of one SLURM job: how a launcher is started on each, and how their processes find each other."""

import os
import socket
import subprocess
from collections.abc import Sequence

from safelrm.core.errors import SafeLRMError
from safelrm.core.process import RUNNER

# host:port of the first process, given to the launcher of each node
MAIN_PROCESS = "SAFELRM_MAIN_PROCESS"
# below the ports that Linux gives out by itself
FIRST_PORT, PORTS = 20000, 10000


def step_command(nodes: int, command: Sequence[str]) -> list[str]:
    """A command that runs another once on each node of the job, and ends all if one fails."""
    options = [f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit=1"]
    # the launcher is itself in a step of the job, which holds what the new one needs
    return ["srun", "--overlap", *options, *command]


def step_environment() -> dict[str, str]:
    """The environment of the launchers: where the first process will listen, and no process id of this node.

    Raises:
        SafeLRMError: this is no SLURM job.
    """
    job, nodes = os.environ.get("SLURM_JOB_ID"), os.environ.get("SLURM_JOB_NODELIST")
    if job is None or nodes is None:
        raise SafeLRMError(
            "several nodes need a SLURM job, and this is none",
            key="nodes",
            fix="run Snakemake with a SLURM profile, or give the job one node",
        )
    port = FIRST_PORT + int(job) % PORTS
    variables = {name: value for name, value in os.environ.items() if name != RUNNER}
    return variables | {MAIN_PROCESS: f"{_first_host(nodes)}:{port}"}


def _first_host(nodes: str) -> str:
    """The first of a list such as `gpu[03-05,9]`."""
    try:
        shown = subprocess.run(["scontrol", "show", "hostnames", nodes], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SafeLRMError(
            f"the hosts of {nodes} cannot be listed ({error})",
            key="nodes",
            fix="check that scontrol works on the nodes",
        ) from error
    return shown.stdout.split()[0]


def main_process() -> tuple[str, int]:
    """Host and port of the first process."""
    host, _, port = os.environ[MAIN_PROCESS].rpartition(":")
    return host, int(port)


def node_rank() -> int:
    """Place of this node in the job."""
    return int(os.environ["SLURM_NODEID"])


def free_port() -> int:
    """A port of this machine that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

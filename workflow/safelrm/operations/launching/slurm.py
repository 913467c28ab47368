"""Several nodes of one SLURM job: how a launcher is started on each, and how their processes find each other."""

import os
import re
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
    # the first node still writes the model when the others have ended: a site's WaitTime would have it killed
    options.append("--wait=0")
    # a launcher's processes share what the job has on its node, and need nothing of MPI
    options += ["--cpu-bind=none", "--mpi=none"]
    # the launcher may itself be in a step of the job, which holds what the new one needs
    return ["srun", "--overlap", *options, *command]


def step_environment() -> dict[str, str]:
    """The environment of the launchers: where the first process will listen, and no process id of this node.

    Raises:
        SafeLRMError: this is no SLURM job, or SLURM does not tell its nodes.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        raise SafeLRMError(
            "several nodes need a SLURM job, and this is none",
            key="nodes",
            fix="run Snakemake with a SLURM profile, or give the job one node",
        )
    port = FIRST_PORT + int(job) % PORTS
    variables = {name: value for name, value in os.environ.items() if name != RUNNER}
    return variables | {MAIN_PROCESS: f"{_address(_first_node(job))}:{port}"}


def _first_node(job: str) -> str:
    """The first node of a job."""
    # SLURM_JOB_NODELIST may be missing, since Snakemake's plugin takes it away, or be that of one step
    nodes = _said("squeue", "--noheader", "--jobs", job, "--format", "%N").strip()
    names = _said("scontrol", "show", "hostnames", nodes).split() if nodes else []
    if not names:
        raise SafeLRMError(f"SLURM names no node of job {job}", key="nodes", fix="check that the job still runs")
    return names[0]


def _address(node: str) -> str:
    """Where SLURM reaches a node, whose name need not be one of a host; its name where SLURM does not say."""
    try:
        found = re.search(r"\bNodeAddr=(\S+)", _said("scontrol", "show", "node", node))
    except SafeLRMError:
        # some sites show nodes to administrators only
        return node
    return found[1] if found else node


def _said(*command: str) -> str:
    """What a command of SLURM says."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        raise SafeLRMError(
            f"SLURM does not tell the nodes of the job: {' '.join(command)}: {said}",
            key="nodes",
            fix="check that squeue and scontrol work on the nodes",
        ) from error


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

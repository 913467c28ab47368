"""The same study on this machine and as jobs of SLURM: how much of the difference is waiting for the queue?

    python benchmarks/slurm.py            at the smallest size, on the SLURM of the tests; needs root

Prints the times of both, the seconds during which no job was running (a job was being submitted, or had ended and
Snakemake had not looked yet), and the ratio of what is left to the local time.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import slurm_node as node
from workflow_runs import copy_of_checkout, digests, environment

CONFIG = ("--configfile", "config.yaml", "tests/e2e/tiny.yaml")


def seconds(folder: Path, *arguments: str) -> float:
    """Time of a run."""
    began = time.monotonic()
    command = [sys.executable, "-m", "snakemake", *arguments, *CONFIG]
    done = subprocess.run(command, cwd=folder, env=environment(), check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout[-5000:] + done.stderr[-5000:])
    return time.monotonic() - began


def busy(folder: Path) -> float:
    """Seconds during which a job of a folder was running."""
    format_ = "%Y-%m-%dT%H:%M:%S"
    rows = node.command("squeue", "--states=all", "--noheader", "--Format", "StartTime:30,EndTime:30,WorkDir:300")
    spans = [row.split() for row in rows.splitlines() if Path(row.split()[-1]) == folder]
    total, until = 0.0, 0.0
    for start, end in sorted(tuple(time.mktime(time.strptime(at, format_)) for at in span[:2]) for span in spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def main() -> None:
    """Print the comparison."""
    if reason := node.up():
        sys.exit(reason)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            here, there = (copy_of_checkout(Path(temporary, name)) for name in ("here", "there"))
            local = seconds(here, "--cores", "2")
            slurm = seconds(there, *node.PROFILE)
            idle = slurm - busy(there)
            same = digests(here) == digests(there)
            jobs = len(node.jobs(there))
    finally:
        node.down()
    print(f"local, 2 cores: {local:.0f} s; SLURM: {slurm:.0f} s in {jobs} jobs, of which {idle:.0f} s no job ran")
    print(f"SLURM / local: {slurm / local:.2f}; without the waiting: {(slurm - idle) / local:.2f}; equal bytes: {same}")


if __name__ == "__main__":
    main()

"""What it costs to start a stage through the launcher, on one device: ratios of processor time and of memory.

    python benchmarks/launching.py [--runs 20]

The stages only parse their command lines (`--help`), so this is the launcher beside their imports.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

WORKFLOW = Path(__file__).parents[1] / "workflow"
STAGES = ("safelrm.training.sft", "safelrm.judging.judge")


def cost(command: list[str]) -> tuple[float, float]:
    """Processor seconds and peak MiB of a command."""
    process = subprocess.Popen(
        [sys.executable, *command, "--help"], env=os.environ | {"PYTHONPATH": str(WORKFLOW)}, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 2**10


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="runs of each command, in turn")
    runs = parser.parse_args().runs
    for stage in STAGES:
        direct, launched = (
            ["-m", stage],
            ["-m", "safelrm.operations.launch", "--gpus", "0", "--nodes", "1", "--", stage],
        )
        pairs = [(cost(direct), cost(launched)) for _ in range(runs)]
        seconds, memory = ([statistics.median(run[how][what] for run in pairs) for how in (0, 1)] for what in (0, 1))
        print(
            f"{stage}: processor time x {seconds[1] / seconds[0]:.3f} (+{1000 * (seconds[1] - seconds[0]):.0f} ms),"
            f" memory x {memory[1] / memory[0]:.3f}"
        )


if __name__ == "__main__":
    main()

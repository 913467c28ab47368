"""How long Snakemake takes to plan large studies, and whether time and memory grow with the number of jobs.

    python benchmarks/planning.py                        1,000 to 10,000 jobs, nothing made yet
    python benchmarks/planning.py --jobs 1000 2000 --finished    also a study in which everything is made

The studies are the default one with more SFT and RL recipes and seeds, planned in a temporary copy of the checkout.
Nothing is trained: in a finished study every output is an empty file that Snakemake holds for made.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from workflow_runs import ROOT, SNAKEMAKE, copy_of_checkout, environment

MODELS = ("nano_a", "nano_b")
SEEDS = list(range(10))
# a recipe is trained and answers, once for each model and seed
JOBS_PER_RECIPE = 2 * len(MODELS) * len(SEEDS)


@dataclass(frozen=True)
class Measured:
    """What planning took."""

    jobs: int
    seconds: float
    user_seconds: float
    mib: float


def synthetic(jobs: int) -> dict[str, object]:
    """The default configuration with as many recipes as make about that many jobs, SFT and RL alike."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    recipes = max(2, round(jobs / JOBS_PER_RECIPE))
    config["arms"] = [{"model": name, "method": "base", "seeds": SEEDS} for name in config["models"]]
    for method, count in (("sft", recipes - recipes // 2), ("rl", recipes // 2)):
        (pattern, *_) = config[method].values()
        rates = {f"r{index}": pattern | {"learning_rate": 1e-5 * (index + 1)} for index in range(count)}
        config[method] = rates
        config["arms"] += [
            {"model": model, "method": method, "recipe": name, "seeds": SEEDS} for model in MODELS for name in rates
        ]
    return config


def measured(folder: Path, *arguments: str) -> Measured:
    """Run Snakemake in a checkout; the jobs are those it planned, all else is of its process.

    Raises:
        RuntimeError: Snakemake failed.
    """
    with tempfile.TemporaryFile("w+") as said:
        started = time.monotonic()
        run = subprocess.Popen(
            [*SNAKEMAKE, *arguments], cwd=folder, env=environment(), stdout=said, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        said.seek(0)
        text = said.read()
    if run.returncode:
        raise RuntimeError(text[-2000:])
    totals = re.findall(r"^total\s+(\d+)$", text, re.MULTILINE)
    return Measured(int(totals[-1]) if totals else 0, seconds, usage.ru_utime, usage.ru_maxrss / 1024)


def finish(folder: Path) -> None:
    """Let every output exist, as made by the present rules."""
    summary = [*SNAKEMAKE, "--summary"]
    listed = subprocess.run(summary, cwd=folder, env=environment(), capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines()[1:]:
        if "\t" in line:
            path = folder / line.split("\t")[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{path.name}\n")
    touch = "import sys; from snakemake.cli import main; from snakemake.executors.touch import Executor"
    # Snakemake waits a tenth of a second after each job, for file systems with coarse times
    touch += "; Executor.SLEEPING_TIME = 0; main(sys.argv[1:])"
    arguments = ["--touch", "--forceall", "--cores", "1", "--quiet"]
    subprocess.run(
        [sys.executable, "-c", touch, *arguments], cwd=folder, env=environment(), check=True, capture_output=True
    )


def study(folder: Path, jobs: int) -> Path:
    """A copy of the checkout whose configuration is a synthetic study."""
    checkout = copy_of_checkout(folder / "safelrm")
    (checkout / "config.yaml").write_text(json.dumps(synthetic(jobs)))
    return checkout


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1000, 2000, 5000, 10000], help="sizes, about")
    parser.add_argument("--finished", action="store_true", help="also plan each study when all of it is made")
    arguments = parser.parse_args()
    print("state     jobs  seconds  user CPU     MiB  user CPU per job, against the first")
    first: dict[str, Measured] = {}
    for jobs in arguments.jobs:
        with tempfile.TemporaryDirectory() as temporary:
            checkout = study(Path(temporary), jobs)
            fresh = measured(checkout, "--dry-run", "--quiet", "rules")
            results = {"new": fresh}
            if arguments.finished:
                finish(checkout)
                again = measured(checkout, "--dry-run", "--quiet", "rules")
                if again.jobs:
                    raise RuntimeError(f"{again.jobs} jobs are planned although everything is made")
                results["made"] = Measured(fresh.jobs, again.seconds, again.user_seconds, again.mib)
        for state, found in results.items():
            base = first.setdefault(state, found)
            ratio = (found.user_seconds / found.jobs) / (base.user_seconds / base.jobs)
            figures = f"{found.jobs:9d} {found.seconds:8.1f} {found.user_seconds:9.1f} {found.mib:7.0f}"
            print(f"{state:4s} {figures}  {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
